import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { Observed, Resource, ResourceKey } from "../../model/resource.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import { driverOf, type Observation } from "../../reconciler/plan/observation.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../fallback.ts";
import { awaitedIn } from "../generations/awaiting.ts";
import { heldTunnels, planAround, sentencesOf } from "../planning/held-by-others.ts";
import type { Status } from "../session.ts";
import { applyDepsOf, type SessionParts } from "../session-parts.ts";
import { isBetweenStates } from "../verify/while-unchanged.ts";
import { readStandingState } from "./standing-state.ts";
import { statusOf } from "./status.ts";

/** How the machine stands to the accepted state, or to the one that waits to be confirmed. Reads only (law 2). */
export async function readStatus(parts: SessionParts): Promise<Status> {
  const { host, stores } = parts;
  const { capabilities } = await host.facts.read({ users: [], hosts: [] });
  const { generation, desired, ledger, acceptedNumber, open } = await readStandingState(parts);
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const awaited = awaitedIn(open, applyDepsOf(parts));
  const openJournal = open === undefined || awaited !== undefined ? undefined : stores.journal.location;
  const isOpen = awaited === undefined && isBetweenStates(parts, open);
  const holder = isOpen ? await parts.whoChanges?.() : undefined;
  const plan = { desired, observed, ledger, registry: driverRegistry };
  const { held } = planAround(plan, await heldTunnels(host, desired, observed));
  const common = {
    held: sentencesOf(held),
    capabilities,
    registry: driverRegistry,
    openJournal,
    ...(open === undefined ? {} : { openSinceMs: open.begin.startedMs }),
    nowMs: Date.now(),
    ...(open?.blocked === true ? { wayBackFailed: true as const } : {}),
    ...(open?.accept === undefined ? {} : { isUnwritten: true as const }),
    ...(isOpen && open?.unconfirmed !== undefined ? { isOverdue: true as const } : {}),
    ...(holder === undefined ? {} : { changedBy: { pid: holder.pid } }),
  };
  const [firewall] = observed.current.get("firewall")?.values() ?? [];
  const fallback = fallenBack(firewall as FirewallObserved | undefined);
  const status = {
    ...statusOf({ generation, desired, observed, ...common }),
    generation: acceptedNumber,
    ...(fallback.length === 0 ? {} : { fallback }),
  };
  return awaited === undefined ? status : { ...status, awaiting: awaited };
}

/** Everything on the machine that is ours, in the form of a spec. Reads only. */
export async function readOwned({ host, stores }: SessionParts): Promise<readonly Resource[]> {
  return ownedResources(await observeMachine(host, driverRegistry, { resources: [] }, await stores.ledger.read()));
}

function ownedResources(observation: Observation): readonly Resource[] {
  const resources: Resource[] = [];
  for (const [kind, byKey] of observation.current) {
    const driver = driverOf(driverRegistry, kind);
    for (const [key, observed] of byKey as ReadonlyMap<ResourceKey, Observed>) {
      const spec = driver.isOwned(observed) ? driver.asSpec(observed) : undefined;
      if (spec !== undefined) resources.push({ kind, key, spec } as Resource);
    }
  }
  return resources;
}
