import { ROUTE } from "../constants.ts";
import { malformed } from "../struct.codec.ts";

/** One message of the routing socket or of a dump: its RTM_* type and its bytes, header included. */
export interface MessageFrame {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const HEAD = 4;

/**
 * Cuts what one read of the routing socket gave into messages by their length word. A message of another version of the
 * protocol is left out, as other programs' words may be. Lengths need be no multiple of 4 (rt_msg1 of bsd/net/rtsock.c leaves the tail unpadded).
 *
 * @throws AwgError("host") when a length cannot be: shorter than a header, or past the end.
 */
export function cutMessages(bytes: Uint8Array): MessageFrame[] {
  return cut(bytes, () => undefined);
}

/**
 * Cuts a whole table, as sysctl gives it. One of another version of the protocol would else be read as an empty table: no
 * routes, no interfaces.
 *
 * @throws AwgError("host") also for a message of another version.
 */
export function cutTable(bytes: Uint8Array): MessageFrame[] {
  return cut(bytes, (version) => {
    throw malformed(`a table of version ${version} of the routing protocol, where ${ROUTE.RTM_VERSION} is known`);
  });
}

function cut(bytes: Uint8Array, onVersion: (version: number) => void): MessageFrame[] {
  const frames: MessageFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (left < HEAD || length < HEAD || length > left) {
      throw malformed(`a routing message of ${length} bytes where ${left} are left`);
    }
    if (bytes[at + 2] === ROUTE.RTM_VERSION) {
      frames.push({ type: bytes[at + 3] ?? 0, bytes: bytes.subarray(at, at + length) });
    } else onVersion(bytes[at + 2] ?? 0);
    at += length;
  }
  return frames;
}
