import { attributeMap, readText } from "../../../native/linux/attribute.codec.ts";
import type { Expression } from "../../../native/linux/nftables/expression.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";

/** NFTA_TARGET_*, linux/netfilter/nf_tables_compat.h. */
const TARGET = { name: 1, info: 3 } as const;
/** XT_CT_NOTRACK, linux/netfilter/xt_CT.h. All revisions begin with flags and zone, two bytes each. */
const NOTRACK_FLAG = 1;

/** The rule disables connection tracking or sets another zone. Pure. */
export function untracks({ expressions }: NftRule): boolean {
  return expressions.some(
    (one) => one.kind === "notrack" || (one.kind === "ct-set" && one.key === "zone") || isTarget(one),
  );
}

/** The target CT of iptables, which gives helpers, too. */
function isTarget(expression: Expression): boolean {
  if (expression.kind !== "unknown" || expression.name !== "target") return false;
  const attributes = attributeMap(expression.data);
  const [nameBytes, info] = [attributes.get(TARGET.name), attributes.get(TARGET.info)];
  const name = nameBytes === undefined ? "" : readText(nameBytes);
  if (name === "NOTRACK") return true;
  if (name !== "CT" || info === undefined || info.length < 4) return false;
  const view = new DataView(info.buffer, info.byteOffset, 4);
  return (view.getUint16(0, true) & NOTRACK_FLAG) !== 0 || view.getUint16(2, true) !== 0;
}
