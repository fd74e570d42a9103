import type { ReadRule, RuleStep } from "./read-rule.ts";

/** What only the flow of a packet or the rest of its transport header tells (docs/security.md S4.10). */
const HEADER = /^transport header bytes /;
/** Elements that rules themselves add. */
export const SEEN_FLOWS = "flows that were seen";
const MEMORY = new RegExp(`^(ct mark|${SEEN_FLOWS})$`);

/**
 * The steps of a rule of awg's own where packets are asked for what no packet of the space says: whose flow it is, and whether
 * it opens one. Any packet may be one that meets them and one that does not, so both is followed; nothing is in doubt. Pure.
 *
 * @param opens the packets are known to open their flows
 */
export function withFlowSteps(rule: ReadRule, opens: boolean): ReadRule {
  return { ...rule, steps: rule.steps.flatMap((step) => flowStep(step, opens)) };
}

function flowStep(step: RuleStep, opens: boolean): RuleStep[] {
  if (step.kind !== "doubt" || !(HEADER.test(step.what) || MEMORY.test(step.what))) return [step];
  if (!opens) return [{ kind: "either" }];
  return HEADER.test(step.what) ? [] : [{ kind: "test", any: [] }];
}
