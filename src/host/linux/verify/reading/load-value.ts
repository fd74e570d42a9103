import type { Family } from "../../../../model/ip.ts";
import { NO_USER, type NumberDimension, type Term, type Tracking } from "../../../../model/verify/space/term.ts";
import type { HookName } from "../../../../native/linux/nftables/chain.codec.ts";
import {
  CT_STATE,
  type Expression,
  type ExpressionOf,
  RTN_UNICAST,
} from "../../../../native/linux/nftables/expression.ts";
import type { TableFamily } from "../../../../native/linux/nftables/field.ts";
import { TCP_OPTION } from "./flow-steps.ts";
import { loadFirst, loadLink, loadOfFrame, wireOf } from "./load-frame.ts";
import { free, type Loaded, opaque } from "./loaded.ts";
import { type JoinedPart, type PlainValue, partOfNumber, type RegisterValue, wholeNumber } from "./register-value.ts";

/** Under what circumstances a rule is read. */
export interface ReadingContext {
  /** IP version of the packets asked about. */
  readonly family: Family;
  /**
   * The frames are not IP: `word0` stands for the Ethernet type, `source` and `destination` for the sender's and target's
   * address of an ARP message (RFC 826).
   */
  readonly frames?: true;
  /** The frame's own type and what follows, where its socket calls it something else; else it is as the packet's. */
  readonly wire?: Uint8Array;
  /** The device's frames have no header of Ethernet's: `wire` is what would stand behind one. */
  readonly bare?: true;
  readonly table: TableFamily;
  /** Where the rule's chain hangs in the kernel's packet path; absent for a chain that is jumped to. */
  readonly hook?: HookName;
  /**
   * The packets are from another machine's address, of which the route is of this type; what is kept from connection tracking
   * counts as labelled.
   */
  readonly strangers?: number;
  /** The packets open their flows. */
  readonly opens?: true;
  /** Index of each device by name. */
  readonly indexes: ReadonlyMap<string, number>;
}

const NFPROTO = { 4: 2, 6: 10 } as const;
const DEVICE_BYTES = 16;
/** ARPHRD_ETHER: on a device of another type our rules ask no more than on this one. */
const ETHERNET = Uint8Array.of(1, 0);
/** ARPHRD_NONE, as of a TUN device. */
const HEADERLESS = Uint8Array.of(0xfe, 0xff);
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
  const ofFrame = context.frames === true ? loadOfFrame(expression, context) : undefined;
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
      return loadRouteType(expression, context) ?? opaque(expression.kind);
    case "socket":
    case "rt":
      return opaque(expression.kind === "socket" ? `socket ${expression.key}` : expression.kind);
    default:
      return undefined;
  }
}

function loadMeta({ key }: ExpressionOf<"meta">, { family, indexes, table, bare }: ReadingContext): Loaded {
  switch (key) {
    case "mark":
      return free(wholeNumber("mark", 4, true));
    case "skuid":
      return { value: wholeNumber("user", 4, true), needs: [known] };
    case "l4proto":
      return free(wholeNumber("protocol", 1));
    case "len":
      return free(wholeNumber("length", 4, true));
    case "nfproto":
      return free({ kind: "constant", bytes: Uint8Array.of(NFPROTO[family]) });
    case "protocol":
      return free({ kind: "constant", bytes: wireOf(family).slice(0, 2) });
    case "oiftype":
      return table === "netdev"
        ? free({ kind: "constant", bytes: bare ? HEADERLESS : ETHERNET })
        : opaque(`meta ${key}`);
    case "secmark":
      return free({ kind: "label" });
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

/**
 * Before the route is looked up, whether the destination is another machine: exactly then the packet leaves by a device
 * again. Of one that ends here the type may be local, broadcast or multicast.
 */
function loadRouteType(
  { result, flags, presenceOnly }: ExpressionOf<"fib">,
  { hook, strangers }: ReadingContext,
): Loaded | undefined {
  if (strangers !== undefined && result === "type" && flags.join() === "saddr" && !presenceOnly)
    return free({ kind: "constant", bytes: hostNumber(strangers) });
  if (hook !== "prerouting" || result !== "type" || flags.join() !== "daddr" || presenceOnly) return undefined;
  const unicast = hostNumber(RTN_UNICAST);
  const bytesOf = (name: string) => (name === "" ? hostNumber(0) : unicast);
  return free({ kind: "named", dimension: "out", bytesOf, only: unicast });
}

function loadPayload(expression: ExpressionOf<"payload">, context: ReadingContext): Loaded {
  const { base, offset, length } = expression;
  // In netdev chains the kernel does not look at the fragment offset and reads whatever lies there; everywhere else a rule
  // breaks off (nft_payload.c, nft_payload_eval: "if (pkt->fragoff) goto err").
  if (base === "transport") {
    return { value: loadFields(TRANSPORT, offset, length), needs: context.table === "netdev" ? [] : [notLater] };
  }
  if (base === "link") return loadLink(expression, context, wireOf(context.family));
  if (base !== "network") return opaque(`${base} header bytes ${offset}-${offset + length - 1}`);
  if (context.wire !== undefined && offset === 0 && length === 1) return loadFirst(context.wire);
  return free(loadFields(context.family === 4 ? HEADER_V4 : HEADER_V6, offset, length));
}

/** Fields of a header, in the order in which they lie there. */
interface Header {
  readonly name: string;
  readonly fields: readonly HeaderField[];
}

interface HeaderField {
  readonly at: number;
  readonly width: number;
  /** `length` bytes of it, from `offset`. */
  readonly part: (offset: number, length: number) => PlainValue;
}

function numberField(dimension: NumberDimension, at: number, width: number): HeaderField {
  return { at, width, part: (offset, length) => partOfNumber(dimension, width, offset, length) };
}

/** The version, which no packet of this family has otherwise, and what follows it in packets without options. */
function firstByte(byte: number): HeaderField {
  return { at: 0, width: 1, part: () => ({ kind: "constant", bytes: Uint8Array.of(byte) }) };
}

/** RFC 791 section 3.1. */
const HEADER_V4: Header = {
  name: "IPv4 header",
  fields: [
    firstByte(0x45),
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

/** RFC 8200 section 3; the next header is not the protocol where extension headers stand between. */
const HEADER_V6: Header = {
  name: "IPv6 header",
  fields: [
    firstByte(0x60),
    numberField("hops", 7, 1),
    numberField("source", 8, 16),
    numberField("destination", 24, 16),
  ],
};

/** Ports, or ICMP's type, code and checksum. */
const TRANSPORT: Header = {
  name: "transport header",
  fields: [numberField("word0", 0, 2), numberField("word2", 2, 2)],
};

/**
 * Bytes of a header, which may be of several fields: nft compares neighbours at once (nftables, src/payload.c,
 * payload_can_merge), as both ports, or source and destination of IPv4.
 */
function loadFields(header: Header, offset: number, length: number): RegisterValue {
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
  if (protocol === "tcp-option") return opaque(TCP_OPTION);
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
