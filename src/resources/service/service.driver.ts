import type { Host } from "../../host/ports/host.ts";
import type { ServicePort } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { LAUNCHD, type ServiceObserved, type ServiceSpec } from "../../model/resources/service.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffService, serviceAsSpec } from "./service.ts";

/** Drives awg's own services: `service/daemon`, `service/keeper`, `service/api`, `service/boot`, `service/gui` … */
export const serviceDriver: ResourceDriver<"service"> = {
  kind: "service",
  observe: observeServices,
  diff: diffService,
  asSpec: serviceAsSpec,
  isOwned: ({ ownedByAwg }) => ownedByAwg,
  // A daemon that finds no keeper starts one of its own; a socket without its service cannot be started.
  dependsOn: ({ name }) => (DAEMONS.has(name) ? ["service/keeper"] : (AFTER[name] ?? [])),
  survivesReboot: true,
  enforcement: () => "enforced",
  apply: applyServices,
};

const AFTER: Readonly<Record<string, ResourceKey<"service">[]>> = {
  "awg-api.service": ["service/daemon"],
  "awg-api.socket": ["service/api"],
  "awg-gateway.service": ["service/daemon"],
  [LAUNCHD.api]: ["service/daemon"],
};

const DAEMONS: ReadonlySet<string> = new Set(["awg.service", LAUNCHD.daemon]);

/** Reads only what is wanted: services created by `awg install` stay if no config asks for any. */
async function observeServices(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"service">, ServiceSpec>,
): Promise<ReadonlyMap<ResourceKey<"service">, ServiceObserved>> {
  const observed = new Map<ResourceKey<"service">, ServiceObserved>();
  for (const [key, spec] of wanted) observed.set(key, await servicesOf(host).read(spec));
  return observed;
}

async function applyServices(host: Host, steps: readonly StepOf<"service">[]): Promise<void> {
  for (const { action, before, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    if (after !== null) await servicesOf(host).ensure(after);
    else if (before !== null) await servicesOf(host).remove(before);
  }
}

/** The port of a host that has services. AwgError unsupported if a ledger names services that this host cannot have. */
export function servicesOf({ name, services }: Host): ServicePort {
  if (services !== undefined) return services;
  throw new AwgError("unsupported", `there are no services on the host ${name}`);
}
