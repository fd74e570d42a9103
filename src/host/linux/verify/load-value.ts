import type { Family } from "../../../model/ip.ts";
import { NO_USER, type NumberDimension, type Term, type Tracking } from "../../../model/verify/space/term.ts";
import { CT_STATE, type Expression, type ExpressionOf } from "../../../native/linux/nftables/expression.ts";
import type { TableFamily } from "../../../native/linux/nftables/field.ts";
import { partOfNumber, type RegisterValue, wholeNumber } from "./register-value.ts";

/** Under what circumstances a rule is read. */
export interface ReadingContext {
  /** IP version of the packets asked about. */
  readonly family: Family;
  /**
   * The frames are not IP: `word0` stands for the Ethernet type, `source` and `destination` for the sender's and target's
   * address of an ARP message (RFC 826).
   */
  readonly frames?: true;
  readonly table: TableFamily;
  /** Index of each device by name. */
  readonly indexes: ReadonlyMap<string, number>;
}

/** What a load puts into a register, and what must hold for the rule not to break off there. */
export interface Loaded {
  readonly value: RegisterValue;
  readonly needs: readonly Term[];
}

const NFPROTO = { 4: 2, 6: 10 } as const;
const ETHERTYPE = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
const DEVICE_BYTES = 16;
const IPPROTO_FRAGMENT = 44;
/** Flags and offset of an IPv4 header (RFC 791) and of an IPv6 fragment header (RFC 8200) in our three kinds of packets. */
const FRAGMENT_BYTES: Readonly<Record<Family, Readonly<Record<string, readonly [number, number]>>>> = {
  4: { whole: [0, 0], first: [0x20, 0], later: [0x20, 0xb9] },
  6: { whole: [0, 0], first: [0, 1], later: [0x05, 0xa9] },
};

const known: Term = { dimension: "user", ranges: [{ first: 0n, last: NO_USER - 1n }] };
const tracked: Term = { dimension: "tracking", holds: (name) => name !== "invalid" && name !== "untracked" };
const notLater: Term = { dimension: "fragment", holds: (name) => name !== "later" };
const fragmented: Term = { dimension: "fragment", holds: (name) => name !== "whole" };

/** What an expression that loads puts into its register; undefined for one that loads nothing. */
export function loadValue(expression: Expression, context: ReadingContext): Loaded | undefined {
  const ofFrame = context.frames === true ? loadOfFrame(expression) : undefined;
  if (ofFrame !== undefined) return ofFrame;
  switch (expression.kind) {
    case "meta":
      return loadMeta(expression, context);
    case "payload":
      return loadPayload(expression, context);
    case "ct":
      return loadTracking(expression);
    case "exthdr":
      return loadExtension(expression, context);
    case "immediate":
      return free({ kind: "constant", bytes: expression.data });
    case "fib":
    case "socket":
    case "rt":
      return opaque(expression.kind === "socket" ? `socket ${expression.key}` : expression.kind);
    default:
      return undefined;
  }
}

/** What only frames have, or have otherwise; without an IP header loads of what stands behind it break off. */
function loadOfFrame(expression: Expression): Loaded | undefined {
  if (expression.kind === "meta") {
    if (expression.key === "protocol") return free(wholeNumber("word0", 2));
    return expression.key === "l4proto" || expression.key === "nfproto" ? BROKEN_OFF : undefined;
  }
  if (expression.kind === "ct" || expression.kind === "exthdr") return BROKEN_OFF;
  if (expression.kind !== "payload") return undefined;
  const { base, offset, length } = expression;
  if (base === "transport") return BROKEN_OFF;
  const address = ARP_ADDRESSES.find(({ at }) => offset >= at && offset + length <= at + 4);
  if (base === "network" && address !== undefined) {
    return free(partOfNumber(address.dimension, 4, offset - address.at, length));
  }
  return opaque(`${base} header bytes ${offset}-${offset + length - 1} of a frame`);
}

const ARP_ADDRESSES = [
  { dimension: "source", at: 14 },
  { dimension: "destination", at: 24 },
] as const;

const BROKEN_OFF: Loaded = {
  value: { kind: "opaque", what: "nothing" },
  needs: [{ dimension: "protocol", ranges: [] }],
};

function free(value: RegisterValue): Loaded {
  return { value, needs: [] };
}

function opaque(what: string): Loaded {
  return free({ kind: "opaque", what });
}

function loadMeta({ key }: ExpressionOf<"meta">, { family, indexes }: ReadingContext): Loaded {
  switch (key) {
    case "mark":
      return free(wholeNumber("mark", 4, true));
    case "skuid":
      return { value: wholeNumber("user", 4, true), needs: [known] };
    case "l4proto":
      return free(wholeNumber("protocol", 1));
    case "nfproto":
      return free({ kind: "constant", bytes: Uint8Array.of(NFPROTO[family]) });
    case "protocol":
      return free({ kind: "constant", bytes: Uint8Array.of(...ETHERTYPE[family]) });
    case "iifname":
    case "oifname":
      return free({ kind: "named", dimension: key === "iifname" ? "in" : "out", bytesOf: deviceName });
    case "iif":
    case "oif": {
      const bytesOf = (name: string) => hostNumber(indexes.get(name) ?? (name === "" ? 0 : 0xffff_ffff));
      return free({ kind: "named", dimension: key === "iif" ? "in" : "out", bytesOf });
    }
    default:
      return opaque(`meta ${key}`);
  }
}

function loadPayload({ base, offset, length }: ExpressionOf<"payload">, context: ReadingContext): Loaded {
  if (base === "transport") return loadTransport(offset, length, context);
  if (base !== "network") return opaque(`${base} header bytes ${offset}-${offset + length - 1}`);
  const fields = context.family === 4 ? FIELDS_V4 : FIELDS_V6;
  const field = fields.find(({ at, width }) => offset >= at && offset + length <= at + width);
  if (field !== undefined) return free(partOfNumber(field.dimension, field.width, offset - field.at, length));
  if (context.family === 4 && offset === 6 && length === 2) {
    return free({ kind: "named", dimension: "fragment", bytesOf: (name) => bytesOfFragment(4, name) });
  }
  return opaque(`IPv${context.family} header bytes ${offset}-${offset + length - 1}`);
}

interface HeaderField {
  readonly dimension: NumberDimension;
  readonly at: number;
  readonly width: number;
}

/** RFC 791 section 3.1. */
const FIELDS_V4: readonly HeaderField[] = [
  { dimension: "hops", at: 8, width: 1 },
  { dimension: "protocol", at: 9, width: 1 },
  { dimension: "source", at: 12, width: 4 },
  { dimension: "destination", at: 16, width: 4 },
];

/** RFC 8200 section 3; the next header is not the protocol where extension headers stand between. */
const FIELDS_V6: readonly HeaderField[] = [
  { dimension: "hops", at: 7, width: 1 },
  { dimension: "source", at: 8, width: 16 },
  { dimension: "destination", at: 24, width: 16 },
];

/**
 * In netdev chains the kernel does not look at the fragment offset and reads whatever lies there; everywhere else a rule
 * breaks off (nft_payload.c, nft_payload_eval: "if (pkt->fragoff) goto err").
 */
function loadTransport(offset: number, length: number, { table }: ReadingContext): Loaded {
  const needs = table === "netdev" ? [] : [notLater];
  const [dimension, at] = offset < 2 ? (["word0", 0] as const) : (["word2", 2] as const);
  if (offset + length > at + 2) {
    const what = `transport header bytes ${offset}-${offset + length - 1}`;
    return { value: { kind: "opaque", what }, needs };
  }
  return { value: partOfNumber(dimension, 2, offset - at, length), needs };
}

const ANSWERS: readonly string[] = ["answer", "related-answer"];

const STATE_BITS: Readonly<Record<Tracking, number>> = {
  new: CT_STATE.new,
  established: CT_STATE.established,
  answer: CT_STATE.established,
  related: CT_STATE.related,
  "related-answer": CT_STATE.related,
  invalid: CT_STATE.invalid,
  untracked: CT_STATE.untracked,
};

function loadTracking({ key, direction }: ExpressionOf<"ct">): Loaded {
  if (direction !== undefined) return opaque(`ct ${direction} ${key}`);
  if (key === "state") {
    const bytesOf = (name: string) => hostNumber(STATE_BITS[name as Tracking]);
    return free({ kind: "named", dimension: "tracking", bytesOf });
  }
  if (key !== "direction") return { value: { kind: "opaque", what: `ct ${key}` }, needs: [tracked] };
  const bytesOf = (name: string) => Uint8Array.of(ANSWERS.includes(name) ? 1 : 0);
  return { value: { kind: "named", dimension: "tracking", bytesOf }, needs: [tracked] };
}

function loadExtension(
  { protocol, type, offset, length, presenceOnly }: ExpressionOf<"exthdr">,
  { family }: ReadingContext,
): Loaded {
  if (protocol !== "ipv6" || type !== IPPROTO_FRAGMENT || family !== 6) return opaque(`extension header ${type}`);
  if (presenceOnly) {
    const bytesOf = (name: string) => Uint8Array.of(name === "whole" ? 0 : 1);
    return free({ kind: "named", dimension: "fragment", bytesOf });
  }
  if (offset !== 2 || length !== 2) return { value: { kind: "opaque", what: "fragment header" }, needs: [fragmented] };
  const bytesOf = (name: string) => bytesOfFragment(6, name);
  return { value: { kind: "named", dimension: "fragment", bytesOf }, needs: [fragmented] };
}

function bytesOfFragment(family: Family, name: string): Uint8Array {
  return Uint8Array.from(FRAGMENT_BYTES[family][name] ?? [0, 0]);
}

function deviceName(name: string): Uint8Array {
  const bytes = new Uint8Array(DEVICE_BYTES);
  bytes.set(new TextEncoder().encode(name).subarray(0, DEVICE_BYTES - 1));
  return bytes;
}

function hostNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}
