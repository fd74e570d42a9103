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

/** How fast a tunnel is found to be down, in milliseconds. */
export interface TunnelTiming {
  /** Silence while it sends, after which a handshake is asked for. */
  readonly silenceMs: number;
  /** How long that may take. */
  readonly handshakeMs: number;
  /** Between two handshakes that are asked for meanwhile; absent: the engine repeats them itself. */
  readonly askEveryMs?: number;
}

/** Engines repeat handshakes themselves. */
const PATIENT: TunnelTiming = { silenceMs: SILENCE_MS, handshakeMs: HANDSHAKE_MS };
/**
 * Where another tunnel can carry the traffic. Silence alone proves nothing within 10 s, so handshakes must be asked for:
 * four, of which an engine that is up answers one even at heavy loss.
 */
export const QUICK: TunnelTiming = { silenceMs: 4_000, handshakeMs: 6_000, askEveryMs: 1_500 };
/** Between two proofs that a tunnel that failed is stable again: less than an engine waits before it repeats one. */
const PROOF_MS = 3_000;
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
  /** Something came since the look before. */
  readonly hears: boolean;
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
  /** When it was last up. */
  #leftUpMs: number | undefined;
  /** When a handshake was last asked for. */
  #askedMs = 0;
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

  /** Whether a peer answered, and handshakes did not fail since. */
  get isAlive(): boolean {
    return this.name === "up" || this.name === "stale";
  }

  /** Whether it may take traffic back: it is alive, and did not fail or proved that it is stable again. */
  get isTrusted(): boolean {
    return this.isAlive && this.#snapshot.context.isTrusted;
  }

  /** How long it has been down, in milliseconds; 0 if it is not. The time before its first handshake counts. */
  downForMs(nowMs: number): number {
    return this.isDown ? nowMs - (this.#leftUpMs ?? nowMs) : 0;
  }

  /**
   * Processes an engine's reply; undefined if it does not answer. `spec` decides whether peers can be reached or can
   * reach it; `nowMs` is steady.
   *
   * @param proofEveryMs how often an idle tunnel is to prove that its peer answers; absent: never while it is trusted
   */
  look(
    observed: TunnelObserved | undefined,
    spec: TunnelSpec,
    nowMs: number,
    { timing = PATIENT, proofEveryMs }: { readonly timing?: TunnelTiming; readonly proofEveryMs?: number } = {},
  ): TunnelNeeds {
    const before = this.#look;
    this.#lastHeard = before ?? this.#lastHeard;
    const now = observed?.running === true ? lookAt(observed, before, nowMs, spec) : undefined;
    this.#look = now;
    const needs = { probe: false, resolve: false };
    const send = (event: TunnelEvent): void => this.#send(event, nowMs, needs);
    if (this.name === "down") send({ type: "start" });
    const seen = this.#eventOf(now, before, nowMs, { timing, proofEveryMs });
    if (seen !== undefined) send(seen);
    if (this.#retryAtMs !== undefined && nowMs >= this.#retryAtMs) send({ type: "retry" });
    if (this.name === "resolving") send({ type: hasRoute(spec) ? "resolved" : "resolveFailed" });
    if (this.#waitsTooLong(now, nowMs, timing)) send({ type: "handshakeTimeout" });
    const { askEveryMs = Number.POSITIVE_INFINITY } = timing;
    const isAsking = this.name === "stale" || (this.name === "handshaking" && this.isDown);
    if (isAsking && nowMs - this.#askedMs >= askEveryMs) needs.probe = true;
    if (needs.probe) this.#askedMs = nowMs;
    if (this.name === "up") this.#leftUpMs = undefined;
    else this.#leftUpMs ??= nowMs;
    return needs;
  }

  /** What a look shows; undefined if nothing happened. */
  #eventOf(
    now: Look | undefined,
    before: Look | undefined,
    nowMs: number,
    { timing, proofEveryMs }: { readonly timing: TunnelTiming; readonly proofEveryMs: number | undefined },
  ): TunnelEvent | undefined {
    if (now === undefined) {
      return before !== undefined || this.name === "handshaking" ? { type: "engineDied" } : undefined;
    }
    if (this.#lastHeard !== undefined && hasShakenHands(now, this.#lastHeard)) return { type: "handshake" };
    const lost = isLost(now, nowMs, timing.silenceMs);
    if (this.name === "up" && lost) return { type: "sessionExpired" };
    if (this.name === "stale" && now.hears && !lost) return { type: "heard" };
    if (this.name === "up" && this.#isProofDue(nowMs, timing, proofEveryMs)) return { type: "proofDue" };
    return undefined;
  }

  /** A tunnel that failed has to prove itself where another carries its traffic meanwhile. */
  #isProofDue(nowMs: number, { askEveryMs }: TunnelTiming, everyMs: number | undefined): boolean {
    const isOnTrial = askEveryMs !== undefined && !this.#snapshot.context.isTrusted;
    const wanted = isOnTrial ? PROOF_MS : everyMs;
    return wanted !== undefined && nowMs - Math.max(this.#askedMs, this.#enteredMs) >= wanted;
  }

  /** After the first failure each try is requested; before it, only silence while sending indicates one. */
  #waitsTooLong(now: Look | undefined, nowMs: number, { handshakeMs }: TunnelTiming): boolean {
    if (nowMs - this.#enteredMs < handshakeMs) return false;
    if (this.name === "stale") return true;
    return this.name === "handshaking" && (this.isDown || now === undefined || isLost(now, nowMs, handshakeMs));
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
    hears: before !== undefined && hears,
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
