import { type Packet, PROTOCOL } from "../../../src/model/firewall/packet.ts";
import type { Fragment } from "../../../src/verify/space/packet-fields.ts";
import { packetBytes, putChecksum } from "../../host/linux/nft/wire-packet.ts";

const HEADER = { 4: 20, 6: 40 } as const;
const FRAGMENT_HEADER = 44;

interface Slice {
  readonly id: number;
  readonly offset: number;
  readonly isLast: boolean;
}

/** The packet in two fragments, the second of which ends in the magic word; the first is of eights of bytes. */
export function inTwo(packet: Packet, magic: "AWGO" | "AWGI", id: number): Uint8Array[] {
  const bytes = packetBytes(packet, magic, id);
  const transport = bytes.subarray(HEADER[packet.destination.family]);
  const cut = Math.floor((transport.length - 8) / 8) * 8;
  return [
    fragmentOf(packet, bytes, transport.subarray(0, cut), { id, offset: 0, isLast: false }),
    fragmentOf(packet, bytes, transport.subarray(cut), { id, offset: cut, isLast: true }),
  ];
}

/** The packet as one fragment, or whole, as a process may write it past the IP stack. */
export function asFragment(fragment: Fragment, packet: Packet, magic: "AWGO" | "AWGI", id: number): Uint8Array {
  if (fragment === "later") return packetBytes({ ...packet, laterFragment: true }, magic, id);
  const bytes = packetBytes(packet, magic, id);
  if (fragment === "whole") return bytes;
  const transport = bytes.subarray(HEADER[packet.destination.family]);
  return fragmentOf(packet, bytes, transport, { id, offset: 0, isLast: false });
}

/** An error by which a router tells the sender of this packet that it did not fit; ends in the magic word. */
export function tooBigBytes(original: Packet, error: Packet, magic: "AWGO" | "AWGI", id: number): Uint8Array {
  const inner = packetBytes(original, "AWGO", 0).subarray(0, HEADER[original.destination.family] + 8);
  const bare = packetBytes(error, magic, id);
  const header = HEADER[error.destination.family];
  const { family } = error.destination;
  const transport = Uint8Array.of(...bare.subarray(header, header + 8), ...inner, ...bare.subarray(-8));
  if (family === 4) transport[1] = 4;
  transport.fill(0, 2, 8);
  transport.set([0x05, 0x00], 6);
  const head = bare.slice(0, header);
  const pseudo = Uint8Array.of(
    ...head.subarray(8, 40),
    0,
    0,
    0,
    transport.length,
    0,
    0,
    0,
    PROTOCOL.icmpv6,
    ...transport,
  );
  putChecksum(transport, 2, family === 4 ? transport : pseudo);
  setLength(head, family, transport.length);
  return Uint8Array.of(...head, ...transport);
}

/** RFC 791 and RFC 8200 section 4.5. */
function fragmentOf(packet: Packet, whole: Uint8Array, part: Uint8Array, { id, offset, isLast }: Slice): Uint8Array {
  const { family } = packet.destination;
  const head = whole.slice(0, HEADER[family]);
  if (family === 4) {
    const field = (offset / 8) | (isLast ? 0 : 0x2000);
    head.set([(id >> 8) & 255, id & 255, field >> 8, field & 255], 4);
    setLength(head, 4, part.length);
    return Uint8Array.of(...head, ...part);
  }
  const field = offset | (isLast ? 0 : 1);
  const extension = [packet.protocol, 0, field >> 8, field & 255, 0, 1, (id >> 8) & 255, id & 255];
  head[6] = FRAGMENT_HEADER;
  setLength(head, 6, part.length + extension.length);
  return Uint8Array.of(...head, ...extension, ...part);
}

function setLength(head: Uint8Array, family: 4 | 6, payload: number): void {
  if (family === 6) {
    head.set([payload >> 8, payload & 255], 4);
    return;
  }
  const total = payload + HEADER[4];
  head.set([total >> 8, total & 255], 2);
  head.set([0, 0], 10);
  putChecksum(head, 10, head);
}
