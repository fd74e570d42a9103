import type { Expression } from "../../../native/linux/nftables/expression.ts";
import type { ReadRule, RuleStep } from "./rule-step.ts";

/** A doubt about bytes of the transport header (S4.10). */
const HEADER = /^transport header bytes /;
/** Elements that rules themselves add. */
export const SEEN_FLOWS = "flows that were seen";
/** Options of TCP are the connection's own, too. */
export const TCP_OPTION = "an option of TCP";
const MEMORY = new RegExp(`^(ct mark|${SEEN_FLOWS}|${TCP_OPTION})$`);
/** The flags of a packet that opens a flow, by offset in the transport header: SYN (RFC 9293 section 3.1). */
const OPENING: ReadonlyMap<number, number> = new Map([[13, 0x02]]);

/**
 * Replaces doubts of awg's own rules about the owner or the first packet of a flow.
 *
 * The packet space has no such field. Both results are possible, so the walk follows both, without a doubt. Pure.
 *
 * @param opens the packets are known to open their flows
 */
export function withFlowSteps(rule: ReadRule, { opens = false }: { readonly opens?: boolean }): ReadRule {
  const fits = fitsOpening(rule.rule.expressions);
  return {
    ...rule,
    steps: rule.steps.flatMap((step) => flowStep(step, opens, fits)),
  };
}

/** The header of a packet that opens a flow can match the rule's test of one of these bytes. */
function fitsOpening(expressions: readonly Expression[]): boolean {
  const at = expressions.findIndex((one) => one.kind === "payload" && one.base === "transport" && one.length === 1);
  const load = expressions[at];
  const value = load?.kind === "payload" ? OPENING.get(load.offset) : undefined;
  const next = expressions[at + 1];
  const mask = next?.kind === "bitwise" ? next.mask[0] : undefined;
  const compare = mask === undefined ? next : expressions[at + 2];
  if (value === undefined || compare?.kind !== "cmp") return true;
  return (value & (mask ?? 0xff)) === compare.data[0];
}

function flowStep(step: RuleStep, opens: boolean, fits: boolean): RuleStep[] {
  // The first packet of a flow cannot match a remembered key.
  if (step.kind === "remembered" && opens) return [{ kind: "test", any: [] }];
  if (step.kind !== "doubt" || !(HEADER.test(step.what) || MEMORY.test(step.what))) return [step];
  if (!opens) return [{ kind: "either" }];
  return fits && HEADER.test(step.what) ? [] : [{ kind: "test", any: [] }];
}
