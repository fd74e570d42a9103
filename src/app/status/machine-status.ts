import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { Observed, Resource, ResourceKey } from "../../model/resource.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import { driverOf, type Observation } from "../../reconciler/plan/observation.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../apply/fallback.ts";
import { msLeft } from "../down/override.ts";
import type { HostParts } from "../parts.ts";
import { heldTunnels, holderSentences, planAround } from "../plan/foreign-holders.ts";
import { compareHost } from "./compare-host.ts";
import { withDaemon } from "./conditions/daemon-conditions.ts";
import { hasPolicyRules, missingMainRule } from "./main-rule.ts";
import { readNoNetwork } from "./no-network.ts";
import { readOpenChange } from "./open-change.ts";
import { endsAtReboot } from "./reboot.ts";
import { statusOf } from "./status.ts";
import type { Status } from "./status-report.ts";

/** Compares the host with the accepted state, or with the one that waits for confirmation. Reads only (law 2). */
export async function readStatus(parts: HostParts): Promise<Status> {
  parts.requireRights?.();
  const { host, stores } = parts;
  const { capabilities } = await host.facts.read({ users: [], hosts: [] });
  const compared = await compareHost(parts);
  const { generation, desired, ledger, acceptedNumber, open, observed, drifts, unrecorded } = compared;
  const openChange = open === undefined ? undefined : await readOpenChange(parts, open);
  const awaiting = openChange?.why === "awaiting-confirmation" ? openChange.awaiting : undefined;
  const openJournal = open === undefined || awaiting !== undefined ? undefined : stores.journal.location;
  const plan = { desired, observed, ledger, registry: driverRegistry };
  const { held } = planAround(plan, await heldTunnels(host, desired, observed));
  const common = {
    held: holderSentences(held),
    capabilities,
    registry: driverRegistry,
    openJournal,
    ...(open === undefined ? {} : { openSinceMs: open.begin.startedMs }),
    nowMs: Date.now(),
    ...(openChange === undefined ? {} : { openChange }),
  };
  const [firewall] = observed.current.get("firewall")?.values() ?? [];
  const fallback = fallenBack(firewall as FirewallObserved | undefined, desired.resources);
  const mainRuleMissing = hasPolicyRules(desired) ? missingMainRule(await host.routes.readRules()) : undefined;
  const daemon = await parts.daemon?.read().catch(() => undefined);
  const noNetwork = await readNoNetwork(parts, observed);
  const bare = statusOf({ generation, desired, observed, drifts, unrecorded, noNetwork, fallback, ...common });
  const status = {
    ...bare,
    conditions: withDaemon(bare.conditions, daemon),
    ...(daemon === undefined ? {} : { daemon }),
    generation: acceptedNumber,
    ...(desired.override === undefined
      ? {}
      : { override: { override: desired.override, msLeft: msLeft(desired.override, parts) } }),
    ...(desired.down === undefined ? {} : { down: desired.down }),
    ...(mainRuleMissing === undefined ? {} : { mainRuleMissing }),
    ...((await endsAtReboot(parts, desired)) ? { endsAtReboot: true as const } : {}),
  };
  return awaiting === undefined ? status : { ...status, awaiting };
}

/** Everything on the host that awg owns, as specs. Reads only. */
export async function readOwned({ host, stores, requireRights }: HostParts): Promise<readonly Resource[]> {
  requireRights?.();
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

/** The resources of the accepted generation. */
export async function readAccepted({ stores }: HostParts): Promise<readonly Resource[]> {
  return (await stores.generations.latest())?.desired.resources ?? [];
}
