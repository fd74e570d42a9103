import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { interruptedStepsOf, verifiedState } from "../../reconciler/journal/open-transaction.ts";
import { type Drift, driftOf } from "../../reconciler/plan/drift.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { HostParts } from "../parts.ts";
import { readStateInForce, type StateInForce } from "./state-in-force.ts";

/** Objects of awg on a host for which the state folder has no accepted state. */
export interface Unrecorded {
  readonly keys: readonly ResourceKey[];
  /** Whether an undamaged kill switch is among them. */
  readonly killSwitch: boolean;
  /** The state folder without a record of them. */
  readonly stateDir: string;
}

/** The host against the state that it should have: the one reading that status, drift and doctor report. */
export interface HostComparison extends StateInForce {
  readonly observed: Observation;
  readonly drifts: readonly Drift[];
  /** Absent if a state is accepted, a change is open, or nothing of awg's is on the host. */
  readonly unrecorded?: Unrecorded;
}

/** Reads the host and compares it with the accepted state, or the one on trial. Reads only (law 2). */
export async function compareHost(parts: HostParts): Promise<HostComparison> {
  const state = await readStateInForce(parts);
  return { ...state, ...(await compareWith(parts, state)) };
}

/** The same against a state that was read before. */
export async function compareWith(
  parts: HostParts,
  state: Pick<StateInForce, "generation" | "desired" | "ledger" | "open">,
): Promise<Pick<HostComparison, "observed" | "drifts" | "unrecorded">> {
  const { host, stores } = parts;
  const { desired, ledger, open } = state;
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const isInterrupted = open !== undefined && verifiedState(open, bootTimeMs(parts)) === undefined;
  const drifts = driftOf({
    ledger,
    observed,
    registry: driverRegistry,
    lifecycle: state.generation?.desired.lifecycle,
    rebooted: (await stores.ledger.isOfEarlierBoot?.()) ?? false,
    ...(isInterrupted ? { interrupted: interruptedStepsOf(open, driverRegistry) } : {}),
  });
  const isUnrecorded = ledger.entries.length === 0 && drifts.length > 0 && open === undefined;
  return {
    observed,
    drifts,
    ...(isUnrecorded ? { unrecorded: unrecordedOf(drifts, observed, parts.stateDir) } : {}),
  };
}

function unrecordedOf(drifts: readonly Drift[], { current }: Observation, stateDir: string): Unrecorded {
  const [firewall] = current.get("firewall")?.values() ?? [];
  const { policy = null, damage = [] } = (firewall as FirewallObserved | undefined) ?? {};
  const killSwitch = damage.length === 0 && policy?.layers.some((layer) => layer.killSwitch) === true;
  return { keys: drifts.map(({ key }) => key), killSwitch, stateDir };
}

/** What is known of objects without an accepted state, as one sentence without its full stop. Pure. */
export function unrecordedText({ keys, stateDir }: Unrecorded): string {
  const what = keys.length === 1 ? "1 resource" : `${keys.length} resources`;
  return `${what} of awg ${keys.length === 1 ? "is" : "are"} on this host, and ${stateDir} has no record of ${keys.length === 1 ? "it" : "them"}`;
}

/** What a person can do about them. Pure. */
export const UNRECORDED_REMEDY = ["awg apply, which takes them over", "awg destroy, which removes them"] as const;
