import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import { isClaim, type Plan, type Step, stepsOf } from "../../model/plan.ts";

/** A policy under which a plan changes where packets go. */
export interface PolicyInForce {
  /** Null lets everything pass. */
  readonly policy: FirewallPolicy | null;
  /** The first step that is taken under it. */
  readonly step: Step;
}

/**
 * The policies that are in force while a plan that changes the policy changes ways, too, each once, in order: devices,
 * tunnels, routes, rules, the resolver, kernel settings. Pure.
 */
export function policiesInForce(plan: Plan): readonly PolicyInForce[] {
  const steps = stepsOf(plan);
  let policy = steps.find(({ kind }) => kind === "firewall")?.before as FirewallPolicy | null | undefined;
  if (policy === undefined) return [];
  const found = new Map<FirewallPolicy | null, Step>();
  for (const step of steps) {
    if (step.kind === "firewall") policy = step.after;
    else if (changesWays(step) && !found.has(policy)) found.set(policy, step);
  }
  return [...found].map(([inForce, step]) => ({ policy: inForce, step }));
}

const KINDS: readonly Step["kind"][] = ["sysctl", "link", "tunnel", "routes", "resolver"];

function changesWays(step: Step): boolean {
  // What is taken over carries traffic as it is, and goes on doing so until other steps change that.
  return KINDS.includes(step.kind) && !isClaim(step) && step.action !== "adopt" && !isForEnginesAlone(step);
}

/** Whether a step adds nothing but the rule for our engines' own packets, which are past every tunnel. */
function isForEnginesAlone(step: Step): boolean {
  if (step.kind !== "routes" || step.after === null) return false;
  const { rules, destinations, guards } = step.after;
  const isEngines = rules.length > 0 && rules.every(({ match }) => match.mark?.value === ENGINE_MARK);
  return isEngines && destinations.length === 0 && guards.length === 0;
}
