import { addressToBytes, bytesToAddress } from "../address.codec.ts";
import { align4, eachAttribute, type MessageWriter, malformed, readU8, readU16, readU32 } from "../attribute.codec.ts";
import { AF } from "./rtnetlink-constants.ts";

const RTA_GATEWAY = 5;
const RTA_VIA = 18;
/** struct rtnexthop: length, flags, hops (weight - 1), interface; then attributes. */
const HOP_BYTES = 8;

/** One next hop of a multipath route. */
export interface NextHop {
  readonly oif: number;
  readonly gateway?: string;
  /** Its share of the flows, 1 to 256. */
  readonly weight: number;
}

/** The hops of an RTA_MULTIPATH. */
export function readNextHops(bytes: Uint8Array): NextHop[] {
  const hops: NextHop[] = [];
  let at = 0;
  while (at + HOP_BYTES <= bytes.length) {
    const length = readU16(bytes, at);
    if (length < HOP_BYTES || at + length > bytes.length) throw malformed(`a next hop of ${length} bytes`);
    let gateway: string | undefined;
    eachAttribute(bytes, at + HOP_BYTES, at + length, (type, from, to) => {
      if (type === RTA_GATEWAY) gateway = bytesToAddress(bytes.subarray(from, to));
      if (type === RTA_VIA) gateway = bytesToAddress(bytes.subarray(from + 2, to));
    });
    const hop = { oif: readU32(bytes, at + 4), weight: readU8(bytes, at + 3) + 1 };
    hops.push(gateway === undefined ? hop : { ...hop, gateway });
    at += align4(length);
  }
  return hops;
}

/** Writes the value of an RTA_MULTIPATH. */
export function writeNextHops(writer: MessageWriter, family: 4 | 6, hops: readonly NextHop[]): void {
  for (const { oif, gateway, weight } of hops) {
    const start = writer.reserve(HOP_BYTES);
    if (gateway !== undefined) writeGateway(writer, family, gateway);
    writer.setU32(start, ((writer.length - start) | ((weight - 1) << 24)) >>> 0);
    writer.setU32(start + 4, oif);
  }
}

/** Writes a gateway of the route's own family as RTA_GATEWAY, of the other one as RTA_VIA (struct rtvia). */
export function writeGateway(writer: MessageWriter, family: 4 | 6, text: string): void {
  const gateway = addressToBytes(text);
  if (gateway.length === (family === 4 ? 4 : 16)) {
    writer.attribute(RTA_GATEWAY, gateway);
    return;
  }
  const via = writer.begin(RTA_VIA, false);
  writer.u16(gateway.length === 4 ? AF.inet : AF.inet6);
  writer.bytes(gateway);
  writer.end(via);
}
