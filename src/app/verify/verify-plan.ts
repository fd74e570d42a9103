import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { isInSync, type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Verified, VerifyFinding } from "../../verify/finding.ts";
import { comparePolicies } from "../../verify/policy/compare-policies.ts";
import { ownIn, ownOut } from "../../verify/policy/path-formula.ts";
import { orderFindings } from "../../verify/policy/plan-order.ts";
import { policiesInForce } from "../../verify/policy/policies-in-force.ts";
import { grantedBy } from "../../verify/policy/policy-formula.ts";
import type { Hook } from "../../verify/policy/possible-packets.ts";
import { all, any, deviceIn, type Formula, not } from "../../verify/space/packet-fields.ts";
import type { HostParts } from "../parts.ts";
import { type PolicyContext, readPolicyContext } from "./declared-context.ts";
import { policyIn, tunnelDevices, verifyLoaded } from "./verify-machine.ts";

/**
 * Proves a plan before anything is written. Changes nothing.
 *
 * Every policy between old and new state is checked against chapter S10. In between, and while routes change, it may
 * pass only what old and new both allow, and our own sockets to the endpoints of both. A second interpreter reads the
 * rules that each policy would load and checks them against it. Out devices are free in all of it, so the proof holds
 * for any routes. If the plan keeps a policy, the rules in the kernel are checked against it while all else changes.
 */
export async function verifyPlan(parts: HostParts, plan: Plan): Promise<Verified> {
  const policies = stepsOf(plan).flatMap((step) => (step.kind === "firewall" ? [step] : []));
  const [first, last] = [policies[0]?.before ?? null, policies.at(-1)?.after ?? null];
  const around = await readPolicyContext(parts);
  const inspection = await parts.inspection?.();
  const findings: VerifyFinding[] = [];
  const notes = new Set<string>();
  let classes = 0n;
  const take = (where: string, verified: Verified) => {
    findings.push(...verified.findings.map((finding) => ({ ...finding, message: `${where}: ${finding.message}` })));
    for (const note of verified.notes) notes.add(note);
    classes += verified.classes;
  };
  take("the order of the steps", { findings: orderFindings(plan), notes: [], classes: 0n });
  const standing = policies.length > 0 || isInSync(plan) ? undefined : policyIn(await acceptedState(parts));
  if (standing !== undefined) take("the loaded packet filter", (await verifyLoaded(parts, standing, around)).filter);
  for (const [index, { after }] of policies.entries()) {
    if (after === null) continue;
    const where = `move ${index + 1} of ${policies.length} of the packet filter`;
    const isLast = index === policies.length - 1 || last === null;
    if (!isLast) take(where, verifyBetween(first, after, last, around));
    else if (inspection === undefined) take(where, verifyLast(after, around));
    if (inspection !== undefined) take(where, inspection.verifyRendered(after));
  }
  for (const { policy, step } of policiesInForce(plan)) {
    // Coming from or going to no policy at all, there is but one to hold to (S10.4).
    if (policy === null || first === null || last === null) continue;
    const isHeld = policies.some(({ after }, index) => after === policy && index < policies.length - 1);
    if (!isHeld) take(`while ${step.key} changes`, verifyBetween(first, policy, last, around));
  }
  if (classes === 0n) notes.add(isInSync(plan) ? "the plan changes nothing" : "the plan has no packet policy");
  else if (policies.length > 0 && inspection === undefined) notes.add(POLICIES_ALONE);
  return { findings, notes: [...notes], classes };
}

async function acceptedState({ stores }: HostParts): Promise<DesiredState> {
  return (await stores.generations.latest())?.desired ?? { resources: [] };
}

/** S10.1 and S10.2. Where there was no policy before, the new one alone counts (S10.4). */
function verifyBetween(
  before: FirewallPolicy | null,
  between: FirewallPolicy,
  after: FirewallPolicy,
  around: PolicyContext,
): Verified {
  const ends = [...(before === null ? [] : [before]), after];
  const tunnels = [...new Set(ends.flatMap(tunnelDevices))];
  return comparePolicies({
    granted: (hook, family) =>
      any(all(...ends.map((policy) => grantedBy(policy, hook, family))), ownSockets(ends, hook, family, tunnels)),
    loaded: between,
    tunnels,
    asksForLockOuts: false,
    devices: around.devices,
    sources: around.sources,
  });
}

/** The last policy against itself as declared: where no rendered rules are read back it is all there is to hold. */
function verifyLast(after: FirewallPolicy, { devices, sources }: PolicyContext): Verified {
  const granted = (hook: Hook, family: Family) => grantedBy(after, hook, family);
  const tunnels = tunnelDevices(after);
  return comparePolicies({ granted, loaded: after, tunnels, asksForLockOuts: true, devices, sources });
}

const POLICIES_ALONE =
  "only the policies are compared here; the rules that would be loaded are proved on a real Linux host";

function ownSockets(
  policies: readonly FirewallPolicy[],
  hook: Hook,
  family: Family,
  tunnels: readonly string[],
): Formula {
  const layers = policies.flatMap((policy) => policy.layers);
  if (hook === "forward") return { kind: "constant", value: false };
  const side = hook === "output" ? "out" : "in";
  const own = layers.map((layer) => (hook === "output" ? ownOut(layer, family) : ownIn(layer, family)));
  return all(not(deviceIn(side, tunnels)), any(...own));
}
