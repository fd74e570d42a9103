import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, type WritingRule, writingRules } from "../read-tables.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";

/**
 * Notes on rules that write fields that the policy matches, as stateless NAT does, after awg's first chain.
 *
 * awg's chains see the new values of earlier writes.
 */
export function noteWrites({ all, own }: FamilyQuestion): string[] {
  return writingRules(all)
    .filter(({ chain }) => !isBefore(own, chain))
    .map(
      ({ rule, what }) =>
        `a rule writes ${what} into packets that awg has judged or steered, and what becomes of them is not judged (S12.17): ${rule.name}`,
    );
}

/** The order of chains with equal priority is unknown. Chains before conntrack give no verdict. */
function isBefore(own: FamilyQuestion["own"], { table, base: { hook, priority } }: WritingRule["chain"]): boolean {
  if (own.includes(table)) return false;
  if (hook === "ingress" || hook === "prerouting") return true;
  const judging: HookName = hook === "egress" ? "postrouting" : hook;
  const [first] = baseChainsAt(own, judging).filter(({ base }) => base.priority > CONNTRACK_PRIORITY);
  return hook !== "egress" && first !== undefined && priority < first.base.priority;
}
