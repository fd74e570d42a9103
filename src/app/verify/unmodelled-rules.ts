import { RULE_PREFERENCES } from "../../model/ownership.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";

/** Policy rules with selectors or actions that awg does not model, in words, each once. */
export interface UnmodelledRules {
  /** Asked before the last of ours: they may lead a tunnel's packets elsewhere. */
  readonly before: readonly string[];
  /** Asked after ours: only what no rule of ours takes comes to them. */
  readonly after: readonly string[];
}

/** Finds the rules of other programs that awg cannot follow. Pure. */
export function unmodelledRules({ rules }: KnownRouting): UnmodelledRules {
  const [before, after] = [new Set<string>(), new Set<string>()];
  for (const { rule, foreign } of rules) {
    if (foreign === undefined) continue;
    const isBefore = rule.preference <= RULE_PREFERENCES.last;
    const where = isBefore ? "is looked up before awg's and cannot be followed" : "is not judged";
    (isBefore ? before : after).add(`the policy rule ${rule.preference} (${foreign}, IPv${rule.family}) ${where}`);
  }
  return { before: [...before], after: [...after] };
}
