/**
 * The numbers of WireGuard, from the paper ("WireGuard: Next Generation Kernel Network Tunnel", revision 4a0c2b1 of
 * 2020; sections in brackets). Times are milliseconds of the monotonic clock.
 */

/**
 * [6.1] Messages after which a new handshake starts. The paper says 2^60; less here, so that counters stay exact
 * numbers.
 */
export const REKEY_AFTER_MESSAGES = 2 ** 48;
/** [6.1] First counter that is neither sent nor accepted; the paper says 2^64 - 2^13 - 1, see above. */
export const REJECT_AFTER_MESSAGES = 2 ** 53 - 2 ** 13 - 1;
/** [6.1] Age at which an initiator that sends replaces its session. */
export const REKEY_AFTER_TIME = 120_000;
/**
 * [6.1] Age at which a session carries no more data; all keys are zeroed after three times this without a new one
 * [6.3].
 */
export const REJECT_AFTER_TIME = 180_000;
/**
 * A replaced format is sent for REJECT_AFTER_TIME to peers that did not use the new one yet: no session lasts longer.
 * It is read for another minute, in which the peer learns of our change.
 */
export const FORMER_FORMAT_READ = REJECT_AFTER_TIME + 60_000;
/** [6.1] How long handshakes are tried before giving up, until there is data to send again. */
export const REKEY_ATTEMPT_TIME = 90_000;
/** [6.1] The shortest time between two initiations to a peer, and the wait for a response. */
export const REKEY_TIMEOUT = 5_000;
/** [6.1] At most this is added to the wait before a retry [6.4], so that two peers do not stay in step. */
export const REKEY_TIMEOUT_JITTER = 333;
/** [6.1] After receiving data and sending nothing for this long, an empty message is sent. */
export const KEEPALIVE_TIMEOUT = 10_000;
/** How many initiations are sent without an answer: REKEY_ATTEMPT_TIME / REKEY_TIMEOUT [6.4]. */
export const MAX_HANDSHAKE_ATTEMPTS = REKEY_ATTEMPT_TIME / REKEY_TIMEOUT;
/** The wait for one address of a peer before the next is tried too (RFC 8305 section 5). */
export const CONNECTION_ATTEMPT_DELAY = 250;
/** [5.4.7] Lifetime of a cookie, and of the secret behind cookies. */
export const COOKIE_REFRESH_TIME = 120_000;
/** wireguard-go and Linux: initiations of one peer that follow faster are refused. */
export const HANDSHAKE_INITIATION_INTERVAL = 20;
/** wireguard-go and Linux: handshake messages per second from one address, under load. */
export const RATE_LIMIT_PER_SECOND = 20;
/** wireguard-go and Linux: the burst of such messages. */
export const RATE_LIMIT_BURST = 5;
/**
 * Without cookies: initiations per second, under load, from addresses without a known peer. Each costs at most one
 * Diffie-Hellman, so unauthenticated sources use a few hundredths of a processor.
 */
export const STRANGERS_PER_SECOND = 200;
/** Addresses in the rate limiter; the one silent longest is replaced. */
export const RATE_LIMIT_ADDRESSES = 16_384;
/** Accepted distance from the newest counter: RFC 6479 bitmap of 8192 bits less one word of 64. */
export const REPLAY_WINDOW = 8_128;
/** Inner packets queued for a peer during a handshake; the oldest is replaced. */
export const QUEUED_PACKETS = 128;
/** A time drawn uniformly from `low..high` at each use; plain WireGuard has equal ends. Milliseconds. */
export interface TimeRange {
  readonly low: number;
  readonly high: number;
}

/** The timers that AmneziaWG 3.x can configure; all others are fixed. */
export interface Timing {
  readonly rekeyAfterTime: TimeRange;
  readonly rekeyTimeout: TimeRange;
  readonly rejectAfterTime: TimeRange;
  readonly keepaliveTimeout: TimeRange;
  /** A count, not a time. */
  readonly maxHandshakeAttempts: TimeRange;
}

/** A range of one value. */
export function exactly(value: number): TimeRange {
  return { low: value, high: value };
}

/** The timers of the paper. */
export const PAPER_TIMING: Timing = {
  rekeyAfterTime: exactly(REKEY_AFTER_TIME),
  rekeyTimeout: exactly(REKEY_TIMEOUT),
  rejectAfterTime: exactly(REJECT_AFTER_TIME),
  keepaliveTimeout: exactly(KEEPALIVE_TIMEOUT),
  maxHandshakeAttempts: exactly(MAX_HANDSHAKE_ATTEMPTS),
};
