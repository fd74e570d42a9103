import type { Family } from "../../../../model/ip.ts";
import type { NumberDimension } from "../../../space/packet-fields.ts";
import { type JoinedPart, type PlainValue, partOfNumber, type RegisterValue } from "../register-value.ts";

/** Flags and offset in an IPv4 header (RFC 791) and an IPv6 fragment header (RFC 8200), by fragment state. */
const FRAGMENT_BYTES: Readonly<Record<Family, Readonly<Record<string, readonly [number, number]>>>> = {
  4: { whole: [0, 0], first: [0x20, 0], later: [0x20, 0xb9] },
  6: { whole: [0, 0], first: [0, 1], later: [0x05, 0xa9] },
};

/** Fields of a header in wire order. */
export interface Header {
  readonly name: string;
  readonly fields: readonly HeaderField[];
}

interface HeaderField {
  readonly at: number;
  readonly width: number;
  /** A slice of the field. */
  readonly part: (offset: number, length: number) => PlainValue;
}

function numberField(dimension: NumberDimension, at: number, width: number): HeaderField {
  return { at, width, part: (offset, length) => partOfNumber(dimension, width, offset, length) };
}

/** RFC 791 section 3.1. */
const HEADER_V4: Header = {
  name: "IPv4 header",
  fields: [
    {
      at: 6,
      width: 2,
      part: (offset, length) => ({
        kind: "named",
        dimension: "fragment",
        bytesOf: (name) => bytesOfFragment(4, name).slice(offset, offset + length),
      }),
    },
    numberField("hops", 8, 1),
    numberField("protocol", 9, 1),
    numberField("source", 12, 4),
    numberField("destination", 16, 4),
  ],
};

/** RFC 8200 section 3. With extension headers the next header differs from the protocol. */
const HEADER_V6: Header = {
  name: "IPv6 header",
  fields: [numberField("hops", 7, 1), numberField("source", 8, 16), numberField("destination", 24, 16)],
};

/** The IP header of each version. */
export const HEADER = { 4: HEADER_V4, 6: HEADER_V6 } as const;

/** An ARP message (RFC 826). */
export const NEITHER: Header = {
  name: "header of a frame that is not IP,",
  fields: [numberField("source", 14, 4), numberField("destination", 24, 4)],
};

/** Ports, or ICMP type, code and checksum. */
export const TRANSPORT: Header = {
  name: "transport header",
  fields: [numberField("word0", 0, 2), numberField("word2", 2, 2)],
};

/**
 * Bytes of a header, which may span several fields.
 *
 * nft merges matches on adjacent fields, for example both ports (nftables, src/payload.c, payload_can_merge).
 */
export function loadFields(header: Header, offset: number, length: number): RegisterValue {
  const end = offset + length;
  const parts: JoinedPart[] = [];
  let at = offset;
  while (at < end) {
    const field = header.fields.find((one) => at >= one.at && at < one.at + one.width);
    const next = header.fields.find((one) => one.at > at)?.at ?? end;
    const stop = Math.min(end, field === undefined ? next : field.at + field.width);
    const what = `${header.name} bytes ${at}-${stop - 1}`;
    parts.push({ value: field?.part(at - field.at, stop - at) ?? { kind: "opaque", what }, bytes: stop - at });
    at = stop;
  }
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only.value : { kind: "joined", parts };
}

/** The bytes that identify fragments, for each kind of packet. */
export function bytesOfFragment(family: Family, name: string): Uint8Array {
  return Uint8Array.from(FRAGMENT_BYTES[family][name] ?? [0, 0]);
}
