import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, type WritingRule, writingRules } from "../read-tables.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";

/**
 * Notes on rules that write into packets what packets are judged by, as stateless translation does, where awg has begun to
 * judge. What they write before awg's chains is judged as it then is.
 */
export function noteWrites({ all, own }: FamilyQuestion): string[] {
  return writingRules(all)
    .filter(({ chain }) => !isBefore(own, chain))
    .map(
      ({ rule, what }) =>
        `a rule writes ${what} into packets that awg has judged or steered, and what becomes of them is not judged (S12.17): ${rule.name}`,
    );
}

/** A chain of the same priority may come before or after. What comes before conntrack judges nothing. */
function isBefore(own: FamilyQuestion["own"], { table, base: { hook, priority } }: WritingRule["chain"]): boolean {
  if (own.includes(table)) return false;
  if (hook === "ingress" || hook === "prerouting") return true;
  const judging: HookName = hook === "egress" ? "postrouting" : hook;
  const [first] = baseChainsAt(own, judging).filter(({ base }) => base.priority > CONNTRACK_PRIORITY);
  return hook !== "egress" && first !== undefined && priority < first.base.priority;
}
