import type { Rule } from "./section/rule.ts";

/** The place of a rule in the config and its name: "rules/2 (browser)", "rules/2" without a name. Pure. */
export function ruleOrigin({ name }: Pick<Rule, "name">, index: number): string {
  return name === undefined ? `rules/${index}` : `rules/${index} (${name})`;
}
