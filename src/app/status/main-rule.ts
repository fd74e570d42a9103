import type { RuleEntry } from "../../host/ports/routes.ts";
import type { Family } from "../../model/ip.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";
import { MAIN_TABLE } from "../../resources/routes/route-table.ts";
import { LOCAL_TABLE } from "../../verify/routing/routing.ts";

/** Preference of the kernel's own rule for the main table (ip-rule(8)). */
const MAIN_PREFERENCE = 32_766;

/** The kernel's rule `lookup main`, if it is missing. */
export interface MainRuleMissing {
  readonly families: readonly Family[];
  readonly message: string;
  /** The commands that restore it. */
  readonly remedy: readonly string[];
}

/**
 * The kernel resolves gateways by the policy rules too: without main it refuses routes with a gateway. A flush of the rules
 * removes that rule and keeps the one of the local table; a family without any rule is disabled. Undefined if
 * nothing is missing. Pure.
 */
export function missingMainRule(rules: readonly RuleEntry[]): MainRuleMissing | undefined {
  const families = ([4, 6] as const).filter((family) => {
    const tables = rules.filter(
      ({ rule, foreign }) => rule.family === family && foreign === undefined && isForAll(rule),
    );
    return (
      tables.some(({ rule }) => rule.table === LOCAL_TABLE) && !tables.some(({ rule }) => rule.table === MAIN_TABLE)
    );
  });
  if (families.length === 0) return undefined;
  const names = namesOf(families);
  return {
    families,
    message: `the kernel's policy rule "lookup main" is missing (${names}); without it the kernel refuses routes with a gateway, so a new link or lease gets no default route`,
    remedy: families.map((family) => `ip -${family} rule add pref ${MAIN_PREFERENCE} lookup main`),
  };
}

/** "IPv4 and IPv6". Pure. */
export function namesOf(families: readonly Family[]): string {
  return families.map((family) => `IPv${family}`).join(" and ");
}

/** Whether the state has policy rules of awg's. Pure. */
export function hasPolicyRules({ resources }: DesiredState): boolean {
  return resources.some((one) => one.kind === "routes" && one.spec.rules.length > 0);
}

function isForAll({ match, suppressPrefixLength }: PolicyRule): boolean {
  return Object.keys(match).length === 0 && suppressPrefixLength === undefined;
}
