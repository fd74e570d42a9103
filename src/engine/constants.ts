/**
 * The numbers of WireGuard, from the paper ("WireGuard: Next Generation Kernel Network Tunnel", revision 4a0c2b1 of
 * 2020; sections in brackets). Times are milliseconds of the monotonic clock.
 */

/** [6.1] A new handshake after this many messages: the paper says 2^60; sooner, so that counters stay exact numbers. */
export const REKEY_AFTER_MESSAGES = 2 ** 48;
/** [6.1] No message is sent or accepted with a counter from here on; the paper says 2^64 - 2^13 - 1, see above. */
export const REJECT_AFTER_MESSAGES = 2 ** 53 - 2 ** 13 - 1;
/** [6.1] An initiator makes a new session when its session is this old and it sends. */
export const REKEY_AFTER_TIME = 120_000;
/** [6.1] No session older than this carries data; all keys are zeroed after three times this without a new one [6.3]. */
export const REJECT_AFTER_TIME = 180_000;
/**
 * A format that was replaced is sent for REJECT_AFTER_TIME to peers that were not heard in the new one, for no session lives
 * longer; it is read for a minute more, in which the other end hears that we have changed.
 */
export const FORMER_FORMAT_READ = REJECT_AFTER_TIME + 60_000;
/** [6.1] How long to keep trying to handshake before giving up, until there is something to send again. */
export const REKEY_ATTEMPT_TIME = 90_000;
/** [6.1] At most one initiation to a peer in this time; how long to wait for a response before trying again. */
export const REKEY_TIMEOUT = 5_000;
/** [6.1] Up to this much is added to the wait before a retry [6.4], so that two peers do not stay in step. */
export const REKEY_TIMEOUT_JITTER = 333;
/** [6.1] After receiving data and sending nothing for this long, an empty message is sent. */
export const KEEPALIVE_TIMEOUT = 10_000;
/** How many initiations are sent without an answer: REKEY_ATTEMPT_TIME / REKEY_TIMEOUT [6.4]. */
export const MAX_HANDSHAKE_ATTEMPTS = REKEY_ATTEMPT_TIME / REKEY_TIMEOUT;
/** How long one address of a peer is waited for before the next is asked as well (RFC 8305 section 5). */
export const CONNECTION_ATTEMPT_DELAY = 250;
/** [5.4.7] A cookie and the secret behind cookies live this long. */
export const COOKIE_REFRESH_TIME = 120_000;
/** wireguard-go and Linux: a peer's initiations nearer together than this are refused. */
export const HANDSHAKE_INITIATION_INTERVAL = 20;
/** wireguard-go and Linux: handshake messages of one address a second, under load. */
export const RATE_LIMIT_PER_SECOND = 20;
/** wireguard-go and Linux: how many of them may come at once. */
export const RATE_LIMIT_BURST = 5;
/**
 * Where cookies are off: initiations a second, under load, of addresses where no peer is known to be. A Diffie-Hellman each is
 * what they cost at most, so that strangers under many addresses cost a few hundredths of a processor.
 */
export const STRANGERS_PER_SECOND = 200;
/** Addresses the rate limiter remembers; the longest silent one makes room. */
export const RATE_LIMIT_ADDRESSES = 16_384;
/** Accepted distance behind the newest counter: RFC 6479 bitmap of 8192 bits less one word of 64. */
export const REPLAY_WINDOW = 8_128;
/** Inner packets kept for a peer while its handshake runs; the oldest makes room. */
export const QUEUED_PACKETS = 128;
/** A time drawn uniformly from `low..high` at each use; plain WireGuard has equal ends. Milliseconds. */
export interface TimeRange {
  readonly low: number;
  readonly high: number;
}

/** The timers AmneziaWG 3.x lets a config change; everything else is fixed. */
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
