import { withFallback } from "../../model/firewall/fallback.ts";
import type { FirewallPolicy, PathSwitch } from "../../model/firewall/policy.ts";
import { PATH_NUMBERS } from "../../model/ownership.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Verified, VerifyFinding } from "../../verify/finding.ts";
import { comparePolicies } from "../../verify/policy/compare-policies.ts";
import { grantedBy } from "../../verify/policy/policy-formula.ts";
import { verifyRouting } from "../../verify/routing/verify-routing.ts";
import { declaredRouting } from "../explain/declared-routing.ts";
import type { HostParts } from "../parts.ts";
import { compareHost, unrecordedText } from "../status/compare-host.ts";
import type { StateInForce } from "../status/state-in-force.ts";
import { type PolicyContext, readPolicyContext } from "./declared-context.ts";
import { unclassifiedRules } from "./unclassified-rules.ts";
import { unmodelledRules } from "./unmodelled-rules.ts";
import { isBetweenStates, whileUnchanged } from "./while-unchanged.ts";

/** The result of a verification. */
export interface VerifyReport extends Verified {
  /** The generation that the host was checked against; 0 if nothing was ever applied. */
  readonly generation: number;
}

/**
 * Checks the host against the accepted policy, or the one on trial: filter, routes, policy rules, tracked flows and
 * classifier, for every possible packet. Reads only (law 2) and sends no packet.
 *
 * @throws AwgError locked while another process changes the host: it is then in neither the old state nor the new
 */
export async function verifyMachine(parts: HostParts): Promise<VerifyReport> {
  parts.requireRights?.();
  return whileUnchanged(parts, (standing) => verifyAgainst(parts, standing));
}

async function verifyAgainst(
  parts: HostParts,
  { generation: standing, desired, open }: StateInForce,
): Promise<VerifyReport> {
  const inspection = await parts.inspection?.();
  const accepted = policyIn(desired);
  const generation = standing?.number ?? 0;
  if (accepted === undefined) {
    const { unrecorded } = desired.resources.length > 0 ? {} : await compareHost(parts);
    const notes = [
      unrecorded === undefined
        ? "no packet policy is applied on this host"
        : `${unrecordedText(unrecorded)}; see awg drift`,
    ];
    return { generation, findings: [], notes, classes: 0n };
  }
  const around = await readPolicyContext(parts);
  const { filter, policy, fallback } = await verifyLoaded(parts, accepted, around);
  const tunnels = tunnelDevices(policy);
  const unmodelled = unmodelledRules(around.routing);
  const flows = inspection?.forbiddenFlows(policy) ?? { open: [], misaddressed: [] };
  const notes = [
    ...filter.notes,
    ...(tunnels.length === 0 ? [...unmodelled.before, ...unmodelled.after] : unmodelled.after),
    ...flows.misaddressed.map(
      (flow) => `a program sends another device's address into a tunnel, where none answers it: ${flow}`,
    ),
    ...fallback.map(({ path, to }) =>
      to === PATH_NUMBERS.direct
        ? `the fallback of path ${path} is in force: its flows may go directly (S4.9)`
        : `path ${to} replaces path ${path}: its flows leave by that tunnel (S4.9)`,
    ),
    ...(isBetweenStates(parts, open) ? [CUT_SHORT] : []),
    ...(await missingHook(parts)),
  ];
  const declared = declaredRouting(desired, around.routing, fallback);
  const links = desired.resources.flatMap((resource) => (resource.kind === "link" ? [resource.spec] : []));
  const misrouted = verifyRouting({ policy, ...around, declared, links });
  const diverting = tunnels.length === 0 ? [] : unmodelled.before.map(unjudged);
  const unclassified = await unclassifiedRules(parts, desired, accepted);
  const findings = [...filter.findings, ...diverting, ...misrouted, ...unclassified, ...flows.open.map(openFlow)];
  return { generation, findings, notes, classes: filter.classes };
}

/** Holds the packet filter that is in force now against the accepted policy, with the fallback that is in force. */
export async function verifyLoaded(
  parts: HostParts,
  accepted: FirewallPolicy,
  around: PolicyContext,
): Promise<{ readonly filter: Verified; readonly policy: FirewallPolicy; readonly fallback: readonly PathSwitch[] }> {
  const observed = await parts.host.firewall.read();
  const fallback = observed.fallback ?? [];
  const policy = withFallback(accepted, fallback);
  const inspection = await parts.inspection?.();
  const filter =
    inspection?.verifyLoaded(policy) ??
    comparePolicies({
      granted: (hook, family) => grantedBy(policy, hook, family),
      loaded: observed.policy,
      tunnels: tunnelDevices(policy),
      asksForLockOuts: true,
      ...around,
    });
  return { filter, policy, fallback };
}

const CUT_SHORT =
  "a change was interrupted, or could not be undone: the host is compared with the state before it; awg status names the change";

/** The packet policy of a state; undefined when it has none. */
export function policyIn(desired: DesiredState): FirewallPolicy | undefined {
  return desired.resources.find((resource) => resource.kind === "firewall")?.spec;
}

/** Devices of all tunnels of a policy. */
export function tunnelDevices(policy: FirewallPolicy | undefined): string[] {
  return (policy?.layers ?? []).flatMap(({ tunnels }) => tunnels.map(({ device }) => device));
}

function openFlow(flow: string): VerifyFinding {
  return { kind: "open-flow", message: `conntrack holds a flow that the policy forbids: ${flow} (S11.1)`, rules: [] };
}

function unjudged(message: string): VerifyFinding {
  return { kind: "unjudged", message, rules: [] };
}

async function missingHook({ host, inspection }: HostParts): Promise<string[]> {
  if (inspection === undefined) return [];
  const { capabilities } = await host.facts.read({ users: [], hosts: [] });
  return capabilities.egressHook ? [] : ["this kernel has no egress hook: raw frames of root are not judged (S12.3)"];
}
