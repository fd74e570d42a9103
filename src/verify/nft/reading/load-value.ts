import { LOOPBACK_DEVICE } from "../../../model/firewall/packet.ts";
import type { Family } from "../../../model/ip.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../model/ownership.ts";
import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import {
  CT_STATE,
  type Expression,
  type ExpressionOf,
  RTN_LOCAL,
  RTN_UNICAST,
} from "../../../native/linux/nftables/expression.ts";
import type { TableFamily } from "../../../native/linux/nftables/field.ts";
import { NO_USER, type Term, type Tracking } from "../../space/packet-fields.ts";
import { TCP_OPTION } from "./flow-steps.ts";
import { bytesOfFragment, HEADER, loadFields, TRANSPORT } from "./header-fields.ts";
import { loadOfFrame } from "./load-frame.ts";
import { free, type Loaded, opaque } from "./loaded.ts";
import { wholeNumber } from "./register-value.ts";

/** The context of a rule: the packets, the chain and the owner. */
export interface ReadingContext {
  /** IP version of the packets. */
  readonly family: Family;
  /**
   * The frames are not IP.
   *
   * `word0` holds the frame's protocol (skb->protocol). `source` and `destination` hold the sender and target address
   * of an ARP message (RFC 826).
   */
  readonly frames?: true;
  readonly table: TableFamily;
  /** Hook of the rule's chain; absent for a chain without a hook. */
  readonly hook?: HookName;
  /** The route type of the source is a dimension. Otherwise locally generated packets have a local source. */
  readonly looksUpSender?: true;
  /** The rule belongs to awg. */
  readonly isOurs?: boolean;
  /** The packets fail awg's reverse path check (S6.8). If absent, they pass it. */
  readonly forged?: true;
  /** The packets open their flows. */
  readonly opens?: true;
  /** Index of each device by name. */
  readonly indexes: ReadonlyMap<string, number>;
}

const NFPROTO = { 4: 2, 6: 10 } as const;
const ETHERTYPE = { 4: Uint8Array.of(0x08, 0x00), 6: Uint8Array.of(0x86, 0xdd) } as const;
const DEVICE_BYTES = 16;
const IPPROTO_FRAGMENT = 44;
/** The reverse path lookup uses the mark. With another mark its result is unknown. */
const markedDirect: Term = {
  dimension: "mark",
  mask: MARK_MASK,
  values: [markOfPath(PATH_NUMBERS.direct)],
  not: false,
};
const known: Term = { dimension: "user", ranges: [{ first: 0n, last: NO_USER - 1n }] };
const tracked: Term = { dimension: "tracking", holds: (name) => name !== "invalid" && name !== "untracked" };
const notLater: Term = { dimension: "fragment", holds: (name) => name !== "later" };
const fragmented: Term = { dimension: "fragment", holds: (name) => name !== "whole" };

/** The value that a load expression puts into its register; undefined for other expressions. */
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
      return loadRouteType(expression, context) ?? opaque(expression.kind);
    case "socket":
    case "rt":
      return opaque(expression.kind === "socket" ? `socket ${expression.key}` : expression.kind);
    default:
      return undefined;
  }
}

function loadMeta({ key }: ExpressionOf<"meta">, { family, indexes }: ReadingContext): Loaded {
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
      return free({ kind: "constant", bytes: ETHERTYPE[family] });
    case "iifname":
    case "oifname":
      return free({ kind: "named", dimension: key === "iifname" ? "in" : "out", bytesOf: deviceName });
    case "iif":
    case "oif": {
      const bytesOf = (name: string) => nativeEndianBytes(indexes.get(name) ?? (name === "" ? 0 : 0xffff_ffff));
      return free({ kind: "named", dimension: key === "iif" ? "in" : "out", bytesOf });
    }
    default:
      return opaque(`meta ${key}`);
  }
}

/**
 * The route type of an address, before the routing decision.
 *
 * A unicast destination means that the packet leaves by a device. A local one may have type local, broadcast or
 * multicast. Locally generated packets have a local source, unless the lookup is a dimension.
 */
function loadRouteType(
  { result, flags, presenceOnly }: ExpressionOf<"fib">,
  { hook, looksUpSender, isOurs, forged }: ReadingContext,
): Loaded | undefined {
  if (isOurs && result === "oif" && flags.join() === "saddr,mark,iif" && presenceOnly)
    return {
      value: { kind: "constant", bytes: nativeEndianBytes(forged ? 0 : 1) },
      needs: forged ? [markedDirect] : [],
    };
  if (result === "type" && flags.join() === "saddr" && !presenceOnly) {
    if (looksUpSender !== undefined) return free(wholeNumber("sender", 4, true));
    const local = nativeEndianBytes(RTN_LOCAL);
    const bytesOf = (name: string) =>
      name === "" || name === LOOPBACK_DEVICE ? local : nativeEndianBytes(RTN_UNICAST);
    return free({ kind: "named", dimension: "in", bytesOf, only: local });
  }
  if (hook !== "prerouting" || result !== "type" || flags.join() !== "daddr" || presenceOnly) return undefined;
  const unicast = nativeEndianBytes(RTN_UNICAST);
  const bytesOf = (name: string) => (name === "" ? nativeEndianBytes(0) : unicast);
  return free({ kind: "named", dimension: "out", bytesOf, only: unicast });
}

function loadPayload(expression: ExpressionOf<"payload">, context: ReadingContext): Loaded {
  const { base, offset, length } = expression;
  // In netdev chains the kernel ignores the fragment offset and reads the bytes there. Elsewhere the rule stops
  // (nft_payload.c, nft_payload_eval: "if (pkt->fragoff) goto err").
  if (base === "transport") {
    return { value: loadFields(TRANSPORT, offset, length), needs: context.table === "netdev" ? [] : [notLater] };
  }
  if (base !== "network") return opaque(`${base} header bytes ${offset}-${offset + length - 1}`);
  return free(loadFields(HEADER[context.family], offset, length));
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
    const bytesOf = (name: string) => nativeEndianBytes(STATE_BITS[name as Tracking]);
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

function deviceName(name: string): Uint8Array {
  const bytes = new Uint8Array(DEVICE_BYTES);
  bytes.set(new TextEncoder().encode(name).subarray(0, DEVICE_BYTES - 1));
  return bytes;
}

function nativeEndianBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}
