import type { UnixTime } from "../sources.ts";

/** Bytes of a TAI64N label: seconds in 8, nanoseconds in 4, big-endian (https://cr.yp.to/libtai/tai64.html). */
export const TIMESTAMP_BYTES = 12;

/** TAI is ten seconds ahead of UTC at the epoch of Unix; leap seconds are ignored, as in every WireGuard. */
const TAI_AT_EPOCH = 10n + 2n ** 62n;

/** The low bits of the nanoseconds are cleared, so that handshakes reveal no precise clock (as in wireguard-go). */
const WHITENED_BITS = 24;

/** The timestamp of a handshake initiation, paper section 5.1: 12 bytes, compared as big-endian numbers. */
export function tai64n({ seconds, nanoseconds }: UnixTime): Uint8Array {
  const bytes = new Uint8Array(TIMESTAMP_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, TAI_AT_EPOCH + BigInt(Math.floor(seconds)));
  view.setUint32(8, ((nanoseconds >>> WHITENED_BITS) << WHITENED_BITS) >>> 0);
  return bytes;
}

/** The timestamp after this one: 2^24 ns later, with carry into the seconds. */
export function nextTimestamp(timestamp: Uint8Array): Uint8Array {
  const bytes = timestamp.slice();
  const view = new DataView(bytes.buffer);
  const nanoseconds = view.getUint32(8) + 2 ** WHITENED_BITS;
  if (nanoseconds < 1_000_000_000) view.setUint32(8, nanoseconds);
  else {
    view.setBigUint64(0, view.getBigUint64(0) + 1n);
    view.setUint32(8, 0);
  }
  return bytes;
}

/** Whether `a` is later than `b`. */
export function isAfter(a: Uint8Array, b: Uint8Array): boolean {
  for (let index = 0; index < TIMESTAMP_BYTES; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
