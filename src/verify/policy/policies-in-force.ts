import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import { isClaim, type Plan, type Step, stepsOf } from "../../model/plan.ts";

/** A policy that is in force while a plan changes routing. */
export interface PolicyInForce {
  /** Null accepts everything. */
  readonly policy: FirewallPolicy | null;
  /** The first step under this policy. */
  readonly step: Step;
}

/**
 * The policies that are in force while a plan also changes routing, once each and in order.
 *
 * Routing changes are steps on devices, tunnels, routes, rules, the resolver and kernel settings. Pure.
 */
export function policiesInForce(plan: Plan): readonly PolicyInForce[] {
  const steps = stepsOf(plan);
  let policy = steps.find(({ kind }) => kind === "firewall")?.before as FirewallPolicy | null | undefined;
  if (policy === undefined) return [];
  const found = new Map<FirewallPolicy | null, Step>();
  for (const step of steps) {
    if (step.kind === "firewall") policy = step.after;
    else if (changesRouting(step) && !found.has(policy)) found.set(policy, step);
  }
  return [...found].map(([inForce, step]) => ({ policy: inForce, step }));
}

const KINDS: readonly Step["kind"][] = ["sysctl", "link", "tunnel", "routes", "resolver"];

function changesRouting(step: Step): boolean {
  // Adopted resources already carry traffic. They keep doing so until other steps change that.
  return KINDS.includes(step.kind) && !isClaim(step) && step.action !== "adopt" && !isForEnginesAlone(step);
}

/** The step adds only the rule for our engines' packets, which bypass every tunnel. */
function isForEnginesAlone(step: Step): boolean {
  if (step.kind !== "routes" || step.after === null) return false;
  const { rules, destinations, guards } = step.after;
  const isEngines = rules.length > 0 && rules.every(({ match }) => match.mark?.value === ENGINE_MARK);
  return isEngines && destinations.length === 0 && guards.length === 0;
}
