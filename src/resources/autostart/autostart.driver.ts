import type { Host } from "../../host/ports/host.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { AutostartObserved, AutostartSpec } from "../../model/resources/service.ts";
import type { ResourceDriver } from "../driver.ts";
import { valueChange } from "../field-change.ts";
import { servicesOf } from "../service/service.driver.ts";

/** Drives whether a service of awg starts at boot or login: `autostart/daemon`, `autostart/boot`. */
export const autostartDriver: ResourceDriver<"autostart"> = {
  kind: "autostart",
  observe: observeAutostarts,
  diff: (desired, observed) => valueChange("/enabled", observed.enabled, desired.enabled),
  asSpec: (observed) => observed,
  // A setting carries no mark and is never absent; the service resource records the owner.
  isOwned: () => true,
  restoring: (wanted, original) => wanted ?? original,
  remember: (kept, before) => kept ?? before,
  survivesReboot: true,
  enforcement: () => "enforced",
  apply: applyAutostarts,
};

async function observeAutostarts(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"autostart">, AutostartSpec>,
): Promise<ReadonlyMap<ResourceKey<"autostart">, AutostartObserved>> {
  const observed = new Map<ResourceKey<"autostart">, AutostartObserved>();
  for (const [key, spec] of wanted) observed.set(key, await servicesOf(host).readAutostart(spec));
  return observed;
}

async function applyAutostarts(host: Host, steps: readonly StepOf<"autostart">[]): Promise<void> {
  for (const { action, after } of steps) {
    if (action === "adopt" || action === "forget" || after === null) continue;
    await servicesOf(host).ensureAutostart(after);
  }
}
