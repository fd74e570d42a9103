import type { Host } from "../../host/ports/host.ts";
import { AwgError } from "../../model/error.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { SysctlObserved, SysctlSpec } from "../../model/resources/sysctl.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffSysctl, rememberSysctl, restoringSysctl } from "./sysctl.ts";

/** Drives kernel settings: `sysctl/machine`. */
export const sysctlDriver: ResourceDriver<"sysctl"> = {
  kind: "sysctl",
  observe: observeSysctls,
  diff: diffSysctl,
  asSpec: ({ values }) => ({ values }),
  // A setting carries no mark; only the ledger makes it ours.
  isOwned: () => true,
  restoring: restoringSysctl,
  remember: rememberSysctl,
  enforcement: () => "enforced",
  apply: applySysctls,
};

async function observeSysctls(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"sysctl">, SysctlSpec>,
): Promise<ReadonlyMap<ResourceKey<"sysctl">, SysctlObserved>> {
  const observed = new Map<ResourceKey<"sysctl">, SysctlObserved>();
  for (const [key, { values }] of wanted) observed.set(key, { values: await host.sysctl.read(Object.keys(values)) });
  return observed;
}

/**
 * Writes only what differs. A name that disappeared with its device needs no restoring. A restored value is read again
 * at once: later readings do not cover it.
 */
async function applySysctls(host: Host, steps: readonly StepOf<"sysctl">[]): Promise<void> {
  for (const { action, after } of steps) {
    if (action === "adopt" || action === "forget" || after === null) continue;
    const found = await host.sysctl.read(Object.keys(after.values));
    const changed = Object.entries(after.values).filter(
      ([name, value]) => found[name] !== value && (action !== "delete" || found[name] !== undefined),
    );
    if (changed.length === 0) continue;
    await host.sysctl.write(Object.fromEntries(changed));
    if (action === "delete") await refuseIgnored(host, changed);
  }
}

async function refuseIgnored(host: Host, written: readonly (readonly [string, string])[]): Promise<void> {
  const found = await host.sysctl.read(written.map(([name]) => name));
  const ignored = written.find(([name, value]) => found[name] !== undefined && found[name] !== value);
  if (ignored === undefined) return;
  const [name, value] = ignored;
  throw new AwgError("host", `the kernel took ${value} for ${name} and still has ${found[name]}`, {
    facts: { setting: name },
  });
}
