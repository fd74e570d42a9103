import type { Host } from "../../host/ports/host.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { ResolverObserved, ResolverSpec } from "../../model/resources/resolver.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffResolver, holdOfResolver, resolverAsSpec, resolverDependencies, resolverEnforcement } from "./resolver.ts";

/** Drives the system resolver: `resolver/machine`. */
export const resolverDriver: ResourceDriver<"resolver"> = {
  kind: "resolver",
  observe: observeResolver,
  diff: diffResolver,
  heldBy: holdOfResolver,
  asSpec: resolverAsSpec,
  isOwned: ({ ownedByAwg }) => ownedByAwg,
  dependsOn: resolverDependencies,
  survivesReboot: true,
  enforcement: resolverEnforcement,
  apply: applyResolver,
};

async function observeResolver(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"resolver">, ResolverSpec>,
): Promise<ReadonlyMap<ResourceKey<"resolver">, ResolverObserved>> {
  const observed = await host.resolver.read();
  const [key = "resolver/machine"] = wanted.keys();
  return new Map(wanted.size > 0 || observed.ownedByAwg || observed.service !== undefined ? [[key, observed]] : []);
}

async function applyResolver(host: Host, steps: readonly StepOf<"resolver">[]): Promise<void> {
  for (const { action, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    if (after === null) await host.resolver.restore();
    else await host.resolver.ensure(after);
  }
}
