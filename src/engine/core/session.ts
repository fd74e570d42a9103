import { REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES, type Timing } from "../constants.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { Peer, Session } from "../device.ts";
import type { SessionKeys } from "../noise/response.ts";
import { randomBetween, type Sources } from "../sources.ts";
import { ReplayWindow } from "./table/replay-window.ts";

/** One pair of transport keys and their counters, paper sections 5.4.5 and 5.4.6. */
export class TransportSession<P extends Peer> implements Session {
  readonly peer: P;
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly isInitiator: boolean;
  /** From here on the session is not used. */
  readonly expiresAt: number;
  /** When an initiator that sends replaces the session. */
  readonly rekeyAt: number;
  /** When an initiator that receives replaces the session, so that the new one exists before this expires. */
  readonly refreshAt: number;
  slot = 0;
  isClosed = false;
  #nextCounter = 0;
  #window = new ReplayWindow();

  constructor(
    peer: P,
    keys: SessionKeys,
    isInitiator: boolean,
    { timing, sources, now }: { readonly timing: Timing; readonly sources: Sources; readonly now: number },
  ) {
    this.peer = peer;
    this.localIndex = keys.localIndex;
    this.remoteIndex = keys.remoteIndex;
    this.sendKey = keys.send;
    this.receiveKey = keys.receive;
    this.isInitiator = isInitiator;
    const { rekeyAfterTime, rejectAfterTime, keepaliveTimeout, rekeyTimeout } = timing;
    this.expiresAt = now + rejectAfterTime.high;
    this.rekeyAt = now + randomBetween(sources, rekeyAfterTime.low, rekeyAfterTime.high);
    const reject = randomBetween(sources, rejectAfterTime.low, rejectAfterTime.high);
    this.refreshAt = now + Math.max(0, reject - keepaliveTimeout.low - rekeyTimeout.low);
  }

  takeCounters(count: number): number {
    const first = this.#nextCounter;
    if (this.isClosed || first + count > REJECT_AFTER_MESSAGES) return -1;
    this.#nextCounter = first + count;
    return first;
  }

  isNewCounter(counter: number): boolean {
    return this.#window.isNew(counter);
  }

  acceptCounter(counter: number): boolean {
    return this.#window.accept(counter);
  }

  /** How many messages the peer sent over it as far as seen, and how many arrived. */
  get arrivals(): { readonly expected: number; readonly accepted: number } {
    return this.#window.arrivals;
  }

  /** Whether messages over it are still accepted. */
  isAlive(now: number): boolean {
    return !this.isClosed && now < this.expiresAt;
  }

  /** Whether it can still carry data to the peer. */
  canSend(now: number): boolean {
    return this.isAlive(now) && this.#nextCounter < REJECT_AFTER_MESSAGES;
  }

  /** Whether its message count or age requires a new session (paper section 6.2). */
  wantsRekey(now: number): boolean {
    return this.#nextCounter >= REKEY_AFTER_MESSAGES || (this.isInitiator && now >= this.rekeyAt);
  }

  /** Zeroes the keys and closes the session. */
  close(crypto: Crypto): void {
    this.isClosed = true;
    crypto.wipe(this.sendKey);
    crypto.wipe(this.receiveKey);
  }
}
