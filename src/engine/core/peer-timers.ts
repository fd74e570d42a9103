import { CONNECTION_ATTEMPT_DELAY, REKEY_TIMEOUT_JITTER, type TimeRange, type Timing } from "../constants.ts";
import { randomBetween, type Sources } from "../sources.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** The action that is due when a timer fires. */
export type TimerAction = "initiate" | "ask-next" | "retry" | "give-up" | "keepalive" | "zero-keys" | "persistent";

/**
 * The timers of one peer, paper section 6, as monotonic times; Infinity is "not armed". Events move them, `due` returns
 * the due actions. Events allocate nothing: the loop calls them for every batch.
 */
export class PeerTimers {
  #sources: Sources;
  #timing: Timing;
  #persistentInterval: TimeRange;
  /** A handshake is wanted as soon as the minimum interval allows [6.2]. */
  initiateAt = NEVER;
  /** No response arrived: try again [6.4]. */
  retryAt = NEVER;
  /** No response arrived yet: try the peer's next address too. */
  askNextAt = NEVER;
  /** Something was received and nothing sent since: send a keepalive [6.5]. */
  keepaliveAt = NEVER;
  /** Something was sent and nothing received since: the session may be dead [6.5]. */
  silenceAt = NEVER;
  /** No new session for three times REJECT_AFTER_TIME: drop all keys [6.3]. */
  zeroKeysAt = NEVER;
  /** The configured keepalive [6.5]. */
  persistentAt = NEVER;
  /** Initiations since a handshake was last requested; every packet without a session requests one. */
  #retries = 0;
  #receivedWhileKeepaliveArmed = false;
  #lastInitiationAt = Number.NEGATIVE_INFINITY;
  #maxRetries: number;
  #silenceWait: number;
  #persistentWait: number;
  #hasRefreshed = false;

  constructor(sources: Sources, timing: Timing, persistentInterval: TimeRange) {
    this.#sources = sources;
    this.#timing = timing;
    this.#persistentInterval = persistentInterval;
    this.#maxRetries = this.#draw(timing.maxHandshakeAttempts);
    this.#silenceWait = this.#drawSilenceWait();
    this.#persistentWait = this.#draw(persistentInterval);
  }

  /** The peer was just configured: a persistent keepalive is sent at once, which also creates the first session. */
  start(now: number): void {
    if (this.#persistentInterval.high > 0) this.persistentAt = now;
  }

  /** Sets other timers; armed ones stay armed, except that a persistent keepalive follows its new interval. */
  reconfigure(timing: Timing, persistentInterval: TimeRange, now: number): void {
    const wasOn = this.#persistentInterval.high > 0;
    const changed =
      persistentInterval.low !== this.#persistentInterval.low ||
      persistentInterval.high !== this.#persistentInterval.high;
    this.#timing = timing;
    this.#persistentInterval = persistentInterval;
    this.#maxRetries = this.#draw(timing.maxHandshakeAttempts);
    this.#silenceWait = this.#drawSilenceWait();
    this.#persistentWait = this.#draw(persistentInterval);
    if (!changed) return;
    if (persistentInterval.high === 0) this.persistentAt = NEVER;
    else this.persistentAt = wasOn ? now + this.#persistentWait : now;
  }

  /** A session is wanted. During a handshake this only extends its retries to the full time. */
  wantHandshake(now: number): void {
    this.#retries = 0;
    if (this.retryAt !== NEVER) return;
    this.initiateAt = Math.min(this.initiateAt, Math.max(now, this.#lastInitiationAt + this.#timing.rekeyTimeout.low));
  }

  /** A session that we initiated expires soon while we only receive: once per session [6.2]. */
  wantRefresh(now: number): void {
    if (this.#hasRefreshed) return;
    this.#hasRefreshed = true;
    this.wantHandshake(now);
  }

  /** An initiation is about to be sent: the retry is armed first, because the response may be fast. */
  initiationSent(now: number): void {
    this.#lastInitiationAt = now;
    this.initiateAt = NEVER;
    this.retryAt = now + this.#draw(this.#timing.rekeyTimeout) + this.#jitter();
    this.anySent(now);
  }

  /** The peer may have another address, which is tried unless the response arrives before. */
  askNextLater(now: number): void {
    this.askNextAt = now + CONNECTION_ATTEMPT_DELAY;
  }

  /** The initiation was answered, replaced or abandoned. */
  nobodyLeftToAsk(): void {
    this.askNextAt = NEVER;
  }

  /** The running handshake used keys that are no longer valid: the next may start at once. */
  handshakeDropped(): void {
    this.initiateAt = NEVER;
    this.retryAt = NEVER;
    this.#lastInitiationAt = Number.NEGATIVE_INFINITY;
  }

  /** No response in time: no further retries without a new request. */
  handshakeGivenUp(now: number): void {
    this.initiateAt = NEVER;
    this.retryAt = NEVER;
    this.keepaliveAt = NEVER;
    if (this.zeroKeysAt === NEVER) this.zeroKeysAt = now + 3 * this.#timing.rejectAfterTime.high;
  }

  /** A session exists that both sides can use. */
  handshakeDone(): void {
    this.initiateAt = NEVER;
    this.retryAt = NEVER;
    this.silenceAt = NEVER;
    this.#retries = 0;
    this.#hasRefreshed = false;
    this.#silenceWait = this.#drawSilenceWait();
    this.#maxRetries = this.#draw(this.#timing.maxHandshakeAttempts);
  }

  /** Keys were derived, confirmed or not. */
  sessionMade(now: number): void {
    this.zeroKeysAt = now + 3 * this.#timing.rejectAfterTime.high;
  }

  /** Data, not a keepalive, was sent. */
  dataSent(now: number): void {
    if (this.silenceAt === NEVER) this.silenceAt = now + this.#silenceWait;
  }

  /** Data, not a keepalive, was received and authenticated. */
  dataReceived(now: number): void {
    if (this.keepaliveAt === NEVER) this.keepaliveAt = now + this.#draw(this.#timing.keepaliveTimeout);
    else this.#receivedWhileKeepaliveArmed = true;
  }

  /** Any message of a session or handshake was sent. */
  anySent(now: number): void {
    this.keepaliveAt = NEVER;
    this.#receivedWhileKeepaliveArmed = false;
    this.#armPersistent(now);
  }

  /** Any message was received and authenticated. */
  anyReceived(now: number): void {
    this.silenceAt = NEVER;
    this.#armPersistent(now);
  }

  /** The time of the next one. */
  nextAt(): number {
    return Math.min(
      this.initiateAt,
      this.retryAt,
      this.askNextAt,
      this.keepaliveAt,
      this.silenceAt,
      this.zeroKeysAt,
      this.persistentAt,
    );
  }

  /**
   * Whether the next one precedes the peer's deadline. The loop calls this after every batch; passing or returning a
   * time would allocate a number.
   */
  isSoonerThan({ dueAt }: { readonly dueAt: number }): boolean {
    return (
      this.initiateAt < dueAt ||
      this.retryAt < dueAt ||
      this.askNextAt < dueAt ||
      this.keepaliveAt < dueAt ||
      this.silenceAt < dueAt ||
      this.zeroKeysAt < dueAt ||
      this.persistentAt < dueAt
    );
  }

  /** Disarms the timers that are due and returns their actions, in order. */
  due(now: number): readonly TimerAction[] {
    const actions: TimerAction[] = [];
    if (this.zeroKeysAt <= now) {
      this.zeroKeysAt = NEVER;
      actions.push("zero-keys");
    }
    if (this.silenceAt <= now) {
      this.silenceAt = NEVER;
      this.wantHandshake(now);
    }
    if (this.askNextAt <= now) {
      this.askNextAt = NEVER;
      actions.push("ask-next");
    }
    if (this.retryAt <= now) {
      this.retryAt = NEVER;
      actions.push(this.#retries >= this.#maxRetries ? "give-up" : "retry");
      this.#retries += 1;
    } else if (this.initiateAt <= now) {
      this.initiateAt = NEVER;
      actions.push("initiate");
    }
    if (this.keepaliveAt <= now) {
      this.keepaliveAt = this.#receivedWhileKeepaliveArmed ? now + this.#draw(this.#timing.keepaliveTimeout) : NEVER;
      this.#receivedWhileKeepaliveArmed = false;
      actions.push("keepalive");
    }
    if (this.persistentAt <= now) {
      this.#persistentWait = this.#draw(this.#persistentInterval);
      this.persistentAt = now + this.#persistentWait;
      actions.push("persistent");
    }
    return actions;
  }

  #armPersistent(now: number): void {
    if (this.#persistentInterval.high > 0) this.persistentAt = now + this.#persistentWait;
  }

  #draw(range: TimeRange): number {
    return randomBetween(this.#sources, range.low, range.high);
  }

  #jitter(): number {
    return randomBetween(this.#sources, 0, REKEY_TIMEOUT_JITTER);
  }

  #drawSilenceWait(): number {
    return this.#timing.keepaliveTimeout.high + this.#draw(this.#timing.rekeyTimeout) + this.#jitter();
  }
}
