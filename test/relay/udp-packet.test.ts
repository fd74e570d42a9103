import { expect, test } from "vitest";
import { encodeUdpPacket } from "../../src/relay/udp/udp-packet.codec.ts";

const hex = (packet: Uint8Array | undefined) => Buffer.from(packet ?? []).toString("hex");

test("an IPv4 packet with a checksum", () => {
  const from = { address: Uint8Array.of(192, 0, 2, 1), port: 53 };
  const to = { address: Uint8Array.of(10, 0, 0, 2), port: 4660 };
  const packet = encodeUdpPacket(from, to, new TextEncoder().encode("abc"));
  expect(hex(packet?.subarray(0, 20))).toBe("4500001f000000004011" + "0000" + "c0000201" + "0a000002");
  expect(sumOf(packet, 20, [...from.address, ...to.address])).toBe(0xffff);
});

test("an IPv6 packet with a checksum, also for data of odd length", () => {
  const from = { address: Uint8Array.of(0x20, 1, ...new Array(13).fill(0), 1), port: 443 };
  const to = { address: Uint8Array.of(0xfd, ...new Array(14).fill(0), 2), port: 50_000 };
  const packet = encodeUdpPacket(from, to, Uint8Array.of(1, 2, 255));
  expect(hex(packet?.subarray(0, 8))).toBe("60000000000b1140");
  expect(sumOf(packet, 40, [...from.address, ...to.address])).toBe(0xffff);
});

test("refuses families that differ and data that does not fit", () => {
  const four = { address: new Uint8Array(4), port: 1 };
  expect(encodeUdpPacket(four, { address: new Uint8Array(16), port: 1 }, new Uint8Array())).toBeUndefined();
  expect(encodeUdpPacket(four, four, new Uint8Array(65_508))).toBeUndefined();
});

/** The sum over pseudo-header and datagram, which is all ones for a right checksum. */
function sumOf(packet: Uint8Array | undefined, at: number, addresses: readonly number[]): number {
  const datagram = [...(packet ?? []).slice(at)];
  const bytes = [...addresses, 0, 17, datagram.length >> 8, datagram.length & 0xff, ...datagram];
  let total = 0;
  for (let index = 0; index < bytes.length; index += 2) total += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}
