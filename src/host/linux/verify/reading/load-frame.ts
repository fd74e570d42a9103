import type { Family } from "../../../../model/ip.ts";
import type { Expression, ExpressionOf } from "../../../../native/linux/nftables/expression.ts";
import type { ReadingContext } from "./load-value.ts";
import { free, type Loaded, opaque } from "./loaded.ts";
import { partOfNumber, wholeNumber } from "./register-value.ts";

const ETHERTYPE = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
/** Behind both Ethernet addresses. */
const ETHERTYPE_OFFSET = 12;
/** The target's address, which stands first. */
const TARGET_BYTES = 6;

const UNTAGGED: Uint8Array = new Uint8Array(6);

/** A packet's frame from its type on, which has no VLAN tag. */
export function wireOf(family: Family): Uint8Array {
  return Uint8Array.of(...ETHERTYPE[family], 0, 0, 0, 0);
}

/** What only frames have, or have otherwise; without an IP header loads of what stands behind it break off. */
export function loadOfFrame(expression: Expression, context: ReadingContext): Loaded | undefined {
  if (expression.kind === "meta") {
    if (expression.key === "protocol") return free(wholeNumber("word0", 2));
    if (expression.key === "pkttype") return free(wholeNumber("came", 1));
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
  if (isEtherType(expression) && context.wire === undefined) return free(wholeNumber("word0", 2));
  if (base === "link" && offset + length <= TARGET_BYTES && context.bare !== true)
    return free(partOfNumber("target", TARGET_BYTES, offset, length));
  if (base === "link") return loadLink(expression, context, UNTAGGED);
  if (base === "network" && offset === 0 && length === 1) return loadFirst(context.wire ?? UNTAGGED);
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

/** The first byte behind the type, where the kernel looks for the header. */
export function loadFirst(wire: Uint8Array): Loaded {
  return free({ kind: "constant", bytes: wire.slice(2, 3) });
}

function isEtherType({ base, offset, length }: ExpressionOf<"payload">): boolean {
  return base === "link" && offset === ETHERTYPE_OFFSET && length === 2;
}

/**
 * What a load from the Ethernet header gives.
 *
 * @param usual the frame from its type on, where it is what its socket calls it
 */
export function loadLink(
  { base, offset, length }: ExpressionOf<"payload">,
  context: ReadingContext,
  usual: Uint8Array,
): Loaded {
  if (context.bare === true) return BROKEN_OFF;
  const { wire = usual } = context;
  const at = offset - ETHERTYPE_OFFSET;
  if (at >= 0 && at + length <= wire.length) return free({ kind: "constant", bytes: wire.slice(at, at + length) });
  return opaque(`${base} header bytes ${offset}-${offset + length - 1}`);
}
