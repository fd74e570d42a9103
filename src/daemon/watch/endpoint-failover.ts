import type { PeerObserved, TunnelObserved } from "../../model/resources/tunnel.ts";

/**
 * Time limit for an endpoint without any answer so far: two initiations, REKEY_TIMEOUT of 5 s apart (WireGuard white
 * paper, section 6.4), and time for the answer to the second.
 */
const FIRST_ANSWER_MS = 7_000;
/**
 * A peer that has answered gets a third initiation. Our engine reports the first, which it sends after 15 s of sending
 * without hearing (KEEPALIVE_TIMEOUT and REKEY_TIMEOUT, section 6.5). Other engines show only the silence.
 */
const LATER_ANSWER_MS = { counted: 12_000, unseen: 27_000 } as const;
/** Each failed round through all addresses doubles the wait, at most this many times. */
const MOST_DOUBLINGS = 4;

/** By device and public key, as the expansion has it. */
type PeerKey = string;

interface Attempt {
  readonly endpoint: string;
  readonly handshakes: number;
  readonly attempts: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Since when it sends and hears nothing; steady milliseconds. */
  readonly unansweredSinceMs: number | undefined;
  readonly hasAnswered: boolean;
  /** Whether the engine counts its initiations. */
  readonly isCounted: boolean;
}

/** An endpoint without an answer. */
export interface Unanswered {
  readonly device: string;
  readonly endpoint: string;
}

/**
 * Tries the addresses of named peers one after the other. Each look reads the engine's peers. An address with
 * unanswered handshakes is noted, and the next plan takes another. An address that answers is kept. An idle peer is
 * never judged.
 */
export class EndpointFailover {
  #alternatives: Readonly<Record<PeerKey, readonly string[]>> = {};
  readonly #attempts = new Map<PeerKey, Attempt>();
  readonly #unanswered = new Map<PeerKey, readonly string[]>();
  readonly #failures = new Map<PeerKey, number>();

  /** Devices with a peer to look at. */
  get devices(): readonly string[] {
    return [...new Set(Object.keys(this.#alternatives).map((key) => key.slice(0, key.indexOf(" "))))];
  }

  /** Endpoints that did not answer, by peer, the one that failed longest ago first. */
  get unanswered(): Readonly<Record<PeerKey, readonly string[]>> {
    return Object.fromEntries(this.#unanswered);
  }

  /** Sets the current addresses of the names. State of addresses that a name lost is removed. */
  follow(alternatives: Readonly<Record<PeerKey, readonly string[]>>): void {
    this.#alternatives = alternatives;
    for (const [key, endpoints] of this.#unanswered) {
      const kept = endpoints.filter((endpoint) => alternatives[key]?.includes(endpoint) === true);
      this.#setUnanswered(key, kept);
    }
    for (const key of this.#attempts.keys()) if (!Object.hasOwn(alternatives, key)) this.#attempts.delete(key);
  }

  /** The host is on another network: an address that failed on the old one may answer here. */
  restart(): void {
    this.#attempts.clear();
    this.#unanswered.clear();
    this.#failures.clear();
  }

  /** Takes in what an engine says at `nowMs` (steady); the endpoints that have just failed. */
  look(observed: TunnelObserved, nowMs: number): readonly Unanswered[] {
    return observed.peers.flatMap((peer) => {
      const key = `${observed.device} ${peer.publicKey}`;
      const failed = Object.hasOwn(this.#alternatives, key) && this.#lookAt(key, peer, nowMs);
      return failed ? [{ device: observed.device, endpoint: peer.endpoint ?? "" }] : [];
    });
  }

  #lookAt(key: PeerKey, peer: PeerObserved, nowMs: number): boolean {
    const { endpoint } = peer;
    const before = this.#attempts.get(key);
    if (endpoint === undefined || !this.#alternatives[key]?.includes(endpoint)) return false;
    if (before === undefined || isAnotherEngine(before, peer)) {
      this.#attempts.set(key, firstLook(endpoint, peer, nowMs));
      return false;
    }
    if (before.endpoint !== endpoint) {
      this.#attempts.set(key, movedTo(endpoint, peer, before, nowMs));
      return false;
    }
    const now = nextAttempt(before, peer, nowMs);
    this.#attempts.set(key, now);
    if (now.hasAnswered && now.unansweredSinceMs === undefined) this.#noteAnswer(key);
    if (now.unansweredSinceMs === undefined || nowMs - now.unansweredSinceMs < this.#patienceMs(key, now)) return false;
    this.#attempts.set(key, attemptAt(endpoint, peer));
    this.#noteFailure(key, endpoint);
    return true;
  }

  #patienceMs(key: PeerKey, { hasAnswered, isCounted }: Attempt): number {
    if (hasAnswered) return isCounted ? LATER_ANSWER_MS.counted : LATER_ANSWER_MS.unseen;
    const rounds = Math.floor((this.#failures.get(key) ?? 0) / Math.max(1, this.#alternatives[key]?.length ?? 1));
    return FIRST_ANSWER_MS * 2 ** Math.min(rounds, MOST_DOUBLINGS);
  }

  #noteAnswer(key: PeerKey): void {
    this.#unanswered.delete(key);
    this.#failures.delete(key);
  }

  #noteFailure(key: PeerKey, endpoint: string): void {
    const others = (this.#unanswered.get(key) ?? []).filter((other) => other !== endpoint);
    this.#setUnanswered(key, [...others, endpoint]);
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
  }

  #setUnanswered(key: PeerKey, endpoints: readonly string[]): void {
    if (endpoints.length === 0) this.#unanswered.delete(key);
    else this.#unanswered.set(key, endpoints);
  }
}

function attemptAt(
  endpoint: string,
  { lastHandshakeSeconds, receivedBytes, sentBytes, measured }: PeerObserved,
): Attempt {
  return {
    endpoint,
    handshakes: lastHandshakeSeconds,
    attempts: measured?.handshakeAttempts ?? 0,
    receivedBytes,
    sentBytes,
    unansweredSinceMs: undefined,
    hasAnswered: false,
    isCounted: measured !== undefined,
  };
}

/** Counts of a running engine never go back. */
function isAnotherEngine(before: Attempt, { receivedBytes, sentBytes }: PeerObserved): boolean {
  return receivedBytes < before.receivedBytes || sentBytes < before.sentBytes;
}

/** A tunnel may have been up, or unanswered, before the first look. */
function firstLook(endpoint: string, peer: PeerObserved, nowMs: number): Attempt {
  const attempt = attemptAt(endpoint, peer);
  if (attempt.handshakes > 0 && attempt.attempts === 0) return { ...attempt, hasAnswered: true };
  const isUnanswered = attempt.attempts > 0 || (peer.measured === undefined && attempt.sentBytes > 0);
  return isUnanswered ? { ...attempt, unansweredSinceMs: nowMs } : attempt;
}

/**
 * An engine that was sending initiations continues them at its new endpoint, and may have an answer since the last
 * look.
 */
function movedTo(endpoint: string, peer: PeerObserved, before: Attempt, nowMs: number): Attempt {
  const attempt = attemptAt(endpoint, peer);
  if (attempt.handshakes !== before.handshakes && attempt.attempts === 0) return { ...attempt, hasAnswered: true };
  return attempt.attempts > 0 ? { ...attempt, unansweredSinceMs: nowMs } : attempt;
}

function nextAttempt(before: Attempt, peer: PeerObserved, nowMs: number): Attempt {
  const now = attemptAt(before.endpoint, peer);
  const hears = now.handshakes !== before.handshakes || now.receivedBytes !== before.receivedBytes;
  return {
    ...now,
    hasAnswered: before.hasAnswered || now.handshakes !== before.handshakes,
    unansweredSinceMs: hears
      ? undefined
      : (before.unansweredSinceMs ?? (expectsReply(before, now, peer) ? nowMs : undefined)),
  };
}

/**
 * Whether a packet was sent that the peer must answer. Our engine reports its initiations; others report only bytes.
 * With keepalives, which get no reply, bytes prove nothing until the session must be over.
 */
function expectsReply(before: Attempt, now: Attempt, { measured, persistentKeepaliveSeconds }: PeerObserved): boolean {
  if (measured !== undefined) return now.attempts > before.attempts;
  return now.sentBytes > before.sentBytes && (persistentKeepaliveSeconds === 0 || !before.hasAnswered);
}
