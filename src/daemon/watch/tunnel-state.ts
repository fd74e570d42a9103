import { initialTransition, type SnapshotFrom, transition } from "xstate";
import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";
import { backoffMs } from "../../reconciler/machine/backoff.ts";
import { type TunnelEvent, tunnelMachine } from "../../reconciler/machine/tunnel.machine.ts";

/**
 * A peer that got a packet answers within 10 s, if with an empty packet (KEEPALIVE_TIMEOUT). 5 s later the sender
 * considers the session dead and shakes hands again (REKEY_TIMEOUT; WireGuard white paper, section 6.5).
 */
const SILENCE_MS = 15_000;
/** A packet without content, which gets no reply: header and tag (WireGuard white paper, section 5.4.6). */
const EMPTY_BYTES = 32;
/**
 * An engine sends such a packet this long after the last packet that it received and did not answer
 * (KEEPALIVE_TIMEOUT).
 */
const EMPTY_EVERY_MS = 10_000;
/** Three handshakes, 5 s apart. */
const HANDSHAKE_MS = 15_000;
/**
 * No session lives longer (REJECT_AFTER_TIME). A peer that no packet reaches may still be heard: it shakes hands too.
 */
const SESSION_MS = 180_000;

/** Last counters of one engine, summed over its peers. */
interface Look {
  /** Each peer's last handshake, in wall clock seconds. The clock may be set, so only a change counts. */
  readonly handshakes: ReadonlyMap<string, number>;
  readonly atMs: number;
  readonly receivedBytes: number;
  /** By each peer's key. */
  readonly sentBytes: ReadonlyMap<string, number>;
  /** Since when it sends and hears nothing, in steady milliseconds; undefined while it does not. */
  readonly unansweredSinceMs: number | undefined;
  /** When its last handshake was first seen. */
  readonly handshakeSeenMs: number;
  /** It sends what a peer answers: more than empty packets. */
  readonly sends: boolean;
}

/** Actions that a look at a tunnel requires. */
export interface TunnelNeeds {
  /** A handshake with its peers is due: nothing else would detect that they are back. */
  readonly probe: boolean;
  /** Its names should be looked up again. */
  readonly resolve: boolean;
}

/**
 * One tunnel's state machine, driven by its engine's reports. It is down when handshakes fail while it sends. Silence
 * alone never counts: a tunnel that sends nothing loses nothing.
 */
export class TunnelState {
  #snapshot: SnapshotFrom<typeof tunnelMachine>;
  #look: Look | undefined;
  /** The last of an engine that does not answer any more. */
  #lastHeard: Look | undefined;
  #enteredMs = 0;
  #retryAtMs: number | undefined;
  readonly #random: () => number;

  /** @param random in [0, 1) */
  constructor(random: () => number) {
    [this.#snapshot] = initialTransition(tunnelMachine);
    this.#random = random;
  }

  /** The state's name, for people. */
  get name(): string {
    return String(this.#snapshot.value);
  }

  /** Whether what may fall back should: no handshake succeeded at the last try. */
  get isDown(): boolean {
    return this.#snapshot.context.failures > 0;
  }

  /**
   * Processes an engine's reply; undefined if it does not answer. `spec` decides whether peers can be reached or can
   * reach it; `nowMs` is steady.
   */
  look(observed: TunnelObserved | undefined, spec: TunnelSpec, nowMs: number): TunnelNeeds {
    const before = this.#look;
    this.#lastHeard = before ?? this.#lastHeard;
    const now = observed?.running === true ? lookAt(observed, before, nowMs, spec) : undefined;
    this.#look = now;
    const needs = { probe: false, resolve: false };
    const send = (event: TunnelEvent): void => this.#send(event, nowMs, needs);
    if (this.name === "down") send({ type: "start" });
    if (now === undefined) {
      if (before !== undefined || this.name === "handshaking") send({ type: "engineDied" });
    } else if (this.#lastHeard !== undefined && hasShakenHands(now, this.#lastHeard)) send({ type: "handshake" });
    else if (this.name === "up" && isLost(now, nowMs, SILENCE_MS)) send({ type: "sessionExpired" });
    if (this.#retryAtMs !== undefined && nowMs >= this.#retryAtMs) send({ type: "retry" });
    if (this.name === "resolving") send({ type: hasRoute(spec) ? "resolved" : "resolveFailed" });
    if (this.#waitsTooLong(now, nowMs)) send({ type: "handshakeTimeout" });
    return needs;
  }

  /** After the first failure each try is requested; before it, only silence while sending indicates one. */
  #waitsTooLong(now: Look | undefined, nowMs: number): boolean {
    if (nowMs - this.#enteredMs < HANDSHAKE_MS) return false;
    if (this.name === "stale") return true;
    return this.name === "handshaking" && (this.isDown || now === undefined || isLost(now, nowMs, HANDSHAKE_MS));
  }

  #send(event: TunnelEvent, nowMs: number, needs: { probe: boolean; resolve: boolean }): void {
    const before = this.#snapshot.value;
    const [next, actions] = transition(tunnelMachine, this.#snapshot, event);
    this.#snapshot = next;
    if (next.value !== before) {
      this.#enteredMs = nowMs;
      this.#retryAtMs = undefined;
    }
    for (const { type } of actions) {
      if (type === "requestHandshake") needs.probe = true;
      else if (type === "resolve") needs.resolve = this.isDown;
      else if (type === "scheduleRetry") this.#retryAtMs = nowMs + backoffMs(next.context.failures, this.#random());
    }
  }
}

function lookAt({ peers }: TunnelObserved, before: Look | undefined, atMs: number, spec: TunnelSpec): Look {
  const receivedBytes = peers.reduce((total, peer) => total + peer.receivedBytes, 0);
  const sentBytes = new Map(peers.map((peer) => [peer.publicKey, peer.sentBytes]));
  const hears = receivedBytes !== before?.receivedBytes;
  const sends = before !== undefined && sendsContent(sentBytes, before, atMs, spec);
  const handshakes = new Map(peers.map((peer) => [peer.publicKey, peer.lastHandshakeSeconds]));
  const isAsBefore = handshakes.size === before?.handshakes.size && !differs(handshakes, before.handshakes);
  return {
    atMs,
    handshakes,
    receivedBytes,
    sentBytes,
    sends,
    handshakeSeenMs: isAsBefore ? before.handshakeSeenMs : atMs,
    unansweredSinceMs: hears ? undefined : (before?.unansweredSinceMs ?? (sends ? atMs : undefined)),
  };
}

/** Whether some peer was sent more than the empty packets of that time. AmneziaWG makes each longer by `s4`. */
function sendsContent(sent: ReadonlyMap<string, number>, before: Look, atMs: number, spec: TunnelSpec): boolean {
  const empty = EMPTY_BYTES + Number(spec.obfuscation["s4"] ?? 0);
  return [...sent].some(([key, bytes]) => {
    const { persistentKeepaliveSeconds = 0 } = spec.peers.find(({ publicKey }) => publicKey === key) ?? {};
    const everyMs = Math.min(EMPTY_EVERY_MS, 1000 * (persistentKeepaliveSeconds || Number.POSITIVE_INFINITY));
    const most = 1 + Math.floor((atMs - before.atMs) / everyMs);
    return bytes - (before.sentBytes.get(key) ?? 0) > most * empty;
  });
}

/** Whether some peer has another last handshake than before; none at all is no handshake. */
function hasShakenHands(now: Look, before: Look): boolean {
  return [...now.handshakes].some(([peer, seconds]) => seconds !== 0 && seconds !== (before.handshakes.get(peer) ?? 0));
}

function differs(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): boolean {
  return [...now].some(([peer, seconds]) => seconds !== before.get(peer));
}

/** It sends, and heard nothing for this long, or has no session any more. */
function isLost({ unansweredSinceMs, handshakeSeenMs, sends }: Look, nowMs: number, silenceMs: number): boolean {
  if (unansweredSinceMs !== undefined && nowMs - unansweredSinceMs >= silenceMs) return true;
  return sends && nowMs - handshakeSeenMs > SESSION_MS;
}

/** A peer's name resolved, or a peer may dial in. */
function hasRoute({ listenPort, peers }: TunnelSpec): boolean {
  return listenPort > 0 || peers.some(({ endpoint }) => endpoint !== undefined);
}
