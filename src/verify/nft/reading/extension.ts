import type { Family } from "../../../model/ip.ts";
import { attributeMap, readText, readU16, readU32, readU32be } from "../../../native/linux/attribute.codec.ts";
import type { ExpressionOf } from "../../../native/linux/nftables/expression.ts";
import { ALL_BITS, type MarkChange, UNCHANGED } from "../../space/mark-classes.ts";
import { NO_USER, type Term, type Tracking } from "../../space/packet-fields.ts";
import { bothConditions, type Condition, conditionOf } from "./condition.ts";
import { partOfNumber, wholeNumber } from "./register-value.ts";
import type { ByteRange } from "./value-terms.ts";

/** The effect of an iptables extension in an nf_tables rule (nft_compat.c): a condition, a change or a drop. */
export type Extension =
  | { readonly kind: "condition"; readonly condition: Condition }
  | { readonly kind: "mark"; readonly change: MarkChange }
  | { readonly kind: "mark-lost"; readonly bits: number }
  /** It writes a packet field that the policy matches. */
  | { readonly kind: "write"; readonly what: string }
  | { readonly kind: "nothing" }
  | { readonly kind: "drop" }
  | { readonly kind: "unknown"; readonly what: string };

/** NFTA_MATCH_* and NFTA_TARGET_* use the same numbers. */
const ATTRIBUTE = { name: 1, revision: 2, info: 3 } as const;

/** Larger than every structure that awg reads. */
const INFO_BYTES = 512;

/** Reads a `match` or `target` for one IP version. The result is `unknown` unless awg is certain of the meaning. */
export function readExtension({ name: kind, data }: ExpressionOf<"unknown">, family: Family): Extension {
  if (kind !== "match" && kind !== "target") return { kind: "unknown", what: kind };
  const attributes = attributeMap(data);
  const [nameBytes, infoBytes] = [attributes.get(ATTRIBUTE.name), attributes.get(ATTRIBUTE.info)];
  const revision = attributes.get(ATTRIBUTE.revision);
  const name = nameBytes === undefined ? "" : readText(nameBytes);
  const key = `${kind} ${name} ${revision?.length === 4 ? readU32be(revision) : 0}`;
  const info = new Uint8Array(INFO_BYTES);
  if (infoBytes !== undefined && infoBytes.length <= INFO_BYTES) info.set(infoBytes);
  const read = infoBytes === undefined ? undefined : READERS[key]?.(info, family);
  return read ?? { kind: "unknown", what: name === "" ? kind : `the ${kind} ${name} of iptables` };
}

type Reader = (info: Uint8Array, family: Family) => Extension | undefined;

const nothing: Reader = () => ({ kind: "nothing" });

const READERS: Readonly<Record<string, Reader>> = {
  "match comment 0": nothing,
  "match conntrack 2": readConntrack,
  "match conntrack 3": readConntrack,
  "match state 0": (info) => conditionOfStates(readU32(info), false),
  "match multiport 1": readMultiport,
  "match owner 1": readOwner,
  "match iprange 1": readAddressRange,
  "match icmp 0": readIcmp,
  "match icmp6 0": readIcmp,
  "target LOG 0": nothing,
  "target NFLOG 0": nothing,
  "target TCPMSS 0": nothing,
  "target CLASSIFY 0": nothing,
  "target REJECT 0": () => ({ kind: "drop" }),
  "target SNPT 0": () => ({ kind: "write", what: "the source" }),
  "target DNPT 0": () => ({ kind: "write", what: "the destination" }),
  "target HMARK 0": () => ({ kind: "mark-lost", bits: ALL_BITS }),
  "target MARK 2": readMark,
  "target CONNMARK 1": (info) => readConnectionMark(info, info[12]),
  // Two further bytes give the direction and width of a shift of the flow's mark.
  "target CONNMARK 2": (info) => readConnectionMark(info, info[14], info[13]),
};

/** Bits of XT_CONNTRACK_STATE_*: as nf_conntrack's, but for `untracked` (xt_conntrack.h). */
const STATE_BITS: Readonly<Record<Tracking, number>> = {
  invalid: 1,
  established: 2,
  answer: 2,
  related: 4,
  "related-answer": 4,
  new: 8,
  untracked: 256,
};
const KNOWN_STATES = 1 | 2 | 4 | 8 | 256;

function conditionOfStates(mask: number, not: boolean): Extension | undefined {
  if ((mask & ~KNOWN_STATES) !== 0) return undefined;
  const holds = (name: string) => ((STATE_BITS[name as Tracking] ?? 0) & mask) !== 0;
  const term: Term = { dimension: "tracking", holds: (name) => holds(name) !== not };
  return { kind: "condition", condition: { any: [[term]] } };
}

/** struct xt_conntrack_mtinfo2 and 3: eight addresses, then the numbers. Only a test of the state alone is read. */
function readConntrack(info: Uint8Array): Extension | undefined {
  const [flags, inverted, states] = [readU16(info, 146), readU16(info, 148), readU16(info, 150)];
  return flags === 1 ? conditionOfStates(states, (inverted & 1) !== 0) : undefined;
}

/** struct xt_multiport_v1: side, count, fifteen ports, range flags, inversion. */
function readMultiport(info: Uint8Array): Extension | undefined {
  const [flags = 3, count = 0] = info;
  const ranges: ByteRange[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = readU16(info, 2 + 2 * index);
    const isRange = info[32 + index] === 1;
    if (isRange) index += 1;
    const to = isRange ? readU16(info, 2 + 2 * index) : from;
    ranges.push({ from: Uint8Array.of(from >> 8, from & 255), to: Uint8Array.of(to >> 8, to & 255) });
  }
  const not = info[47] === 1;
  const sides = [...(flags === 1 ? [] : ["word0" as const]), ...(flags === 0 ? [] : ["word2" as const])];
  // Inverted "either side" means neither side matches. One condition cannot express that.
  if (flags > 2 || (flags === 2 && not)) return undefined;
  const any = sides.flatMap((side) => conditionOf(partOfNumber(side, 2, 0, 2), ranges, not).any);
  return { kind: "condition", condition: { any: any.map((terms) => [...terms, wholeTransport]) } };
}

const wholeTransport: Term = { dimension: "fragment", holds: (name) => name !== "later" };

/**
 * struct xt_owner_match_info: user range, group range, match flags, inversion flags. Only users are read.
 *
 * A packet without a socket matches the inverse (xt_owner.c, owner_mt).
 */
function readOwner(info: Uint8Array): Extension | undefined {
  const [asked, inverted] = [info[16], info[17]];
  if (asked !== 1) return undefined;
  const [first, last] = [BigInt(readU32(info, 0)), BigInt(readU32(info, 4))];
  const others = [...(first > 0n ? [{ first: 0n, last: first - 1n }] : []), { first: last + 1n, last: NO_USER }];
  const term: Term = { dimension: "user", ranges: inverted === 1 ? others : [{ first, last }] };
  return { kind: "condition", condition: { any: [[term]] } };
}

/** struct xt_iprange_mtinfo: source range and destination range in 16 bytes each bound, then flags with inversion. */
function readAddressRange(info: Uint8Array, family: Family): Extension | undefined {
  const flags = info[64] ?? 0;
  const width = family === 4 ? 4 : 16;
  const side = (dimension: "source" | "destination", at: number, asked: number, inverted: number): Condition => {
    if ((flags & asked) === 0) return { any: [[]] };
    const range = { from: info.slice(at, at + width), to: info.slice(at + 16, at + 16 + width) };
    return conditionOf(wholeNumber(dimension, width), [range], (flags & inverted) !== 0);
  };
  return {
    kind: "condition",
    condition: bothConditions(side("source", 0, 1, 16), side("destination", 32, 2, 32)),
  };
}

/** struct ipt_icmp and ip6t_icmp: type, code range, inversion. */
function readIcmp(info: Uint8Array): Extension {
  const [type = 255, from = 0, to = 255, inverted = 0] = info;
  const isAny = type === 255 && inverted === 0;
  const range = { from: Uint8Array.of(type, from), to: Uint8Array.of(type, to) };
  const condition = isAny ? { any: [[]] } : conditionOf(partOfNumber("word0", 2, 0, 2), [range], inverted === 1);
  return { kind: "condition", condition: { any: condition.any.map((terms) => [...terms, wholeTransport]) } };
}

/** struct xt_mark_tginfo2: (mark & ~mask) ^ mark. */
function readMark(info: Uint8Array): Extension {
  const [mark, mask] = [readU32(info, 0), readU32(info, 4)];
  const change = { keep: ~mask >>> 0, set: mark };
  // Mark classes cannot represent inverted bits.
  if ((change.keep & change.set) !== 0) return { kind: "mark-lost", bits: ALL_BITS };
  return change.keep === UNCHANGED.keep && change.set === 0 ? { kind: "nothing" } : { kind: "mark", change };
}

/**
 * struct xt_connmark_tginfo1 and 2: in restore mode the flow's mark replaces bits of the packet's mark.
 *
 * The second mask selects bits of the flow's mark, the third the bits to replace. Other modes write only the flow's
 * mark.
 */
function readConnectionMark(info: Uint8Array, mode: number | undefined, shift = 0): Extension {
  const RESTORE = 2;
  if (mode !== RESTORE) return { kind: "nothing" };
  const bits = (readU32(info, 4) | readU32(info, 8)) >>> 0;
  return { kind: "mark-lost", bits: shift === 0 ? bits : ALL_BITS };
}
