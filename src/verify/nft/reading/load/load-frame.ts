import type { Expression } from "../../../../native/linux/nftables/expression.ts";
import { wholeNumber } from "../register-value.ts";
import { loadFields, NEITHER } from "./header-fields.ts";
import { free, type Loaded } from "./loaded.ts";

/** The value that a load takes from a frame other than IP; undefined if it is the same as for a packet. */
export function loadOfFrame(expression: Expression): Loaded | undefined {
  if (expression.kind === "meta") {
    if (expression.key === "protocol") return free(wholeNumber("word0", 2));
    return expression.key === "l4proto" || expression.key === "nfproto" ? BROKEN_OFF : undefined;
  }
  // Without an IP header, a load of the transport header stops the rule.
  if (expression.kind === "ct" || expression.kind === "exthdr") return BROKEN_OFF;
  if (expression.kind !== "payload") return undefined;
  const { base, offset, length } = expression;
  if (base === "link") return undefined;
  return base === "network" ? free(loadFields(NEITHER, offset, length)) : BROKEN_OFF;
}

const BROKEN_OFF: Loaded = {
  value: { kind: "opaque", what: "nothing" },
  needs: [{ dimension: "protocol", ranges: [] }],
};
