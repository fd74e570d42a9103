import type { Family } from "../../../model/ip.ts";
import { attributeMap, readU32be } from "../../../native/linux/attribute.codec.ts";
import type { Expression, ExpressionOf } from "../../../native/linux/nftables/expression.ts";
import { ATTRIBUTE, PAYLOAD_BASES } from "../../../native/linux/nftables/expression-tables.ts";
import type { ReadingContext } from "./reading-context.ts";

/** A field that the policy matches, with its position in a header. */
interface JudgedField {
  readonly base: (typeof PAYLOAD_BASES)[number];
  readonly at: number;
  readonly bytes: number;
  readonly name: string;
  /** Only in frames: elsewhere conntrack has reassembled the packets, and they have no Ethernet header. */
  readonly ofFrames?: true;
}

const ports = (base: JudgedField["base"], at: number): JudgedField[] => [
  { base, at, bytes: 2, name: "the source port (or ICMP's type)" },
  { base, at: at + 2, bytes: 2, name: "the destination port" },
];
const common: readonly JudgedField[] = [
  { base: "link", at: 12, bytes: 2, name: "the Ethernet type", ofFrames: true },
  ...ports("transport", 0),
];

/**
 * RFC 791 section 3.1 and RFC 8200 section 3; ports follow a header without options. Not judged: DSCP, hop limit,
 * checksums.
 */
const JUDGED: Readonly<Record<Family, readonly JudgedField[]>> = {
  4: [
    ...common,
    { base: "network", at: 6, bytes: 2, name: "the place of a fragment", ofFrames: true },
    { base: "network", at: 9, bytes: 1, name: "the protocol" },
    { base: "network", at: 12, bytes: 4, name: "the source" },
    { base: "network", at: 16, bytes: 4, name: "the destination" },
    ...ports("network", 20),
  ],
  6: [
    ...common,
    { base: "network", at: 6, bytes: 1, name: "the protocol" },
    { base: "network", at: 8, bytes: 16, name: "the source" },
    { base: "network", at: 24, bytes: 16, name: "the destination" },
    ...ports("network", 40),
  ],
};

/** No expression writes a longer header (NFT_REG_SIZE is 16, NFT_REG32_COUNT * 4 is 64). */
const MAX_BYTES = 64;

/**
 * Names of the judged fields that one expression writes into the packet; undefined if it writes nothing.
 *
 * The list is empty for writes that no policy matches, for example TOS or MSS. Pure.
 */
export function writtenFields(
  expressions: readonly Expression[],
  index: number,
  { family, table }: Pick<ReadingContext, "family" | "table">,
): readonly string[] | undefined {
  const expression = expressions[index];
  const written = expression === undefined ? undefined : writtenPlace(expression);
  if (written === undefined || written === "options") return written && [];
  const { base, offset, length, source } = written;
  if (base === undefined || length > MAX_BYTES) return ["some header"];
  const changed = changedBits(expressions.slice(0, index), source, { base, offset, length });
  return JUDGED[family].flatMap(({ name, ofFrames, ...field }) => {
    if (field.base !== base || (ofFrames === true && table !== "netdev")) return [];
    const part = changed.slice(Math.max(0, field.at - offset), Math.max(0, field.at + field.bytes - offset));
    return part.some((bits) => bits !== 0) ? [name] : [];
  });
}

interface WrittenPlace {
  /** Absent for an unknown base. */
  readonly base: JudgedField["base"] | undefined;
  readonly offset: number;
  readonly length: number;
  readonly source: number;
}

/**
 * The position that an expression writes in the packet, with or without checksum update; undefined for other
 * expressions.
 */
function writtenPlace(expression: Expression): WrittenPlace | "options" | undefined {
  if (expression.kind !== "unknown") return undefined;
  const attributes = attributeMap(expression.data);
  // Only TCP options can be written by this expression (nft_exthdr.c, nft_exthdr_tcp_set_init).
  if (expression.name === "exthdr") return attributes.has(ATTRIBUTE.exthdr.source) ? "options" : undefined;
  if (expression.name !== "payload" || !attributes.has(ATTRIBUTE.payload.source)) return undefined;
  const number = (type: number) => numberIn(attributes.get(type));
  return {
    base: PAYLOAD_BASES[number(ATTRIBUTE.payload.base)],
    offset: number(ATTRIBUTE.payload.offset),
    length: number(ATTRIBUTE.payload.length),
    source: number(ATTRIBUTE.payload.source),
  };
}

type Place = Pick<ExpressionOf<"payload">, "base" | "offset" | "length">;

/**
 * The written bits that may change.
 *
 * To write part of a byte, nft loads the bytes, applies `& mask ^ xor` and writes them back (nftables, src/evaluate.c,
 * stmt_evaluate_payload).
 */
function changedBits(before: readonly Expression[], source: number, place: Place): Uint8Array {
  const changed = new Uint8Array(place.length);
  const everything = new Uint8Array(place.length).fill(255);
  let register = source;
  for (const expression of before.toReversed()) {
    // An unknown expression may have written the register.
    if (expression.kind === "unknown") return everything;
    const into = destinationOf(expression);
    if (into === undefined || !overlaps(into, register, place.length)) continue;
    if (into !== register) return everything;
    if (expression.kind === "payload") return isAt(expression, place) ? changed : everything;
    if (expression.kind !== "bitwise" || expression.mask.length !== place.length) return everything;
    for (const [index, mask] of expression.mask.entries()) {
      changed[index] = (changed[index] ?? 0) | (~mask & 255) | (expression.xor[index] ?? 255);
    }
    register = expression.source;
  }
  return everything;
}

/** The register that an expression writes. */
function destinationOf(expression: Expression): number | undefined {
  switch (expression.kind) {
    case "lookup":
      return expression.into;
    case "cmp":
    case "range":
    case "set-update":
      return undefined;
    default:
      return "register" in expression ? expression.register : undefined;
  }
}

/**
 * Registers 1–4 have 16 bytes each. Registers 8–23 are the same bytes in units of four. A load writes at most 16 bytes
 * here.
 */
function overlaps(into: number, register: number, length: number): boolean {
  const first = (name: number) => (name < 8 ? 16 * (name - 1) : 4 * (name - 8));
  return first(into) < first(register) + length && first(register) < first(into) + 16;
}

function isAt({ base, offset, length }: Place, place: Place): boolean {
  return base === place.base && offset === place.offset && length === place.length;
}

/** A missing or short number gives a value that matches no constant. */
function numberIn(bytes: Uint8Array | undefined): number {
  return bytes?.length === 4 ? readU32be(bytes) : 0xffff_ffff;
}
