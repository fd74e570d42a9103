import type { UdpAddress } from "../../packet-system.ts";

/** Bytes of struct sockaddr_in6; struct sockaddr_in needs 16 of them. */
export const SOCKET_ADDRESS_BYTES = 28;

const AF_INET = 2;
const AF_INET6 = 10;

/**
 * Writes struct sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)) at `offset` and returns its length. Allocates nothing.
 */
export function writeSocketAddress(view: DataView, offset: number, { address, port, scope }: UdpAddress): number {
  const four = address.length === 4;
  view.setUint16(offset, four ? AF_INET : AF_INET6, true);
  view.setUint16(offset + 2, port, false);
  if (!four) view.setUint32(offset + 4, 0);
  const start = four ? offset + 4 : offset + 8;
  for (let index = 0; index < address.length; index += 1) view.setUint8(start + index, address[index] ?? 0);
  if (four) return 16;
  view.setUint32(offset + 24, scope, true);
  return SOCKET_ADDRESS_BYTES;
}

/** Reads the address that recvmsg(2) wrote at `offset`; an IPv4-mapped address is returned as 4 bytes. */
export function readSocketAddress(view: DataView, offset: number): UdpAddress {
  const port = view.getUint16(offset + 2, false);
  const four = view.getUint16(offset, true) === AF_INET;
  const start = view.byteOffset + offset + (four ? 4 : 8);
  const address = new Uint8Array(view.buffer.slice(start, start + (four ? 4 : 16)) as ArrayBuffer);
  if (four) return { address, port, scope: 0 };
  const mapped = address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;
  if (mapped) return { address: address.slice(12), port, scope: 0 };
  return { address, port, scope: view.getUint32(offset + 24, true) };
}
