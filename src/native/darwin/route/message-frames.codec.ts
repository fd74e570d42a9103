import { ROUTE } from "../constants.ts";
import { malformed } from "../struct.codec.ts";

/** One message of the routing socket or of a dump: its RTM_* type and its bytes, header included. */
export interface MessageFrame {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const HEAD = 4;

/**
 * Splits one read of the routing socket, or a sysctl table, into messages by their length word. Lengths need not be a
 * multiple of 4 (rt_msg1 of bsd/net/rtsock.c leaves the tail unpadded).
 *
 * @throws AwgError("host") for an invalid length, and for another protocol version, which would otherwise look like an
 * empty table.
 */
export function cutMessages(bytes: Uint8Array): MessageFrame[] {
  const frames: MessageFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (left < HEAD || length < HEAD || length > left) {
      throw malformed(`a routing message of ${length} bytes where ${left} are left`);
    }
    const [version, type = 0] = bytes.subarray(at + 2, at + HEAD);
    if (version !== ROUTE.RTM_VERSION) {
      throw malformed(`version ${version} of the routing protocol, where ${ROUTE.RTM_VERSION} is known`);
    }
    frames.push({ type, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return frames;
}
