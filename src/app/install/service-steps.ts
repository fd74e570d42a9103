import type { ServicePort } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { Resource } from "../../model/resource.ts";
import type { AutostartSpec, ServiceSpec } from "../../model/resources/service.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { wantedServices } from "../../resources/service/wanted-services.ts";
import type { InstallationStep } from "./installation-step.ts";

/** The services of `awg install` if no applied config declares others. */
const ASKED = {
  service: { install: true, autostart: true, notifications: false },
  killSwitch: { enabled: false, atBoot: false, persist: true, allowLan: false, allow: [] },
};

/** The services of an installation. AwgError unsupported if this host runs none. */
export async function wantedHere(services: ServicePort | undefined): Promise<readonly Resource[]> {
  const manager = await services?.readManager();
  if (manager === undefined) throw new AwgError("unsupported", "this host has no service manager that awg supports");
  if (manager.kind === "none") {
    throw new AwgError("unsupported", `services are not available here: ${manager.reason}`, {
      remedy: "run `awg daemon` under your own supervisor",
    });
  }
  return wantedServices(ASKED, manager, undefined).resources;
}

/** Each service and its start at boot as a step of the installation. */
export function serviceSteps(services: ServicePort, resources: readonly Resource[]): readonly InstallationStep[] {
  const ordered = [...resources].sort(
    (a, b) => Number(a.key === "service/daemon") - Number(b.key === "service/daemon"),
  );
  const units = ordered.flatMap((one) => (one.kind === "service" ? [serviceStep(services, one.spec)] : []));
  const starts = ordered.flatMap((one) => (one.kind === "autostart" ? [autostartStep(services, one.spec)] : []));
  return [...units, ...starts];
}

function serviceStep(services: ServicePort, spec: ServiceSpec): InstallationStep {
  return {
    what: `service ${spec.name}`,
    isAsWanted: async () => driverRegistry.service.diff(spec, await services.read(spec)).length === 0,
    exists: async () => (await services.read(spec)).ownedByAwg,
    add: () => services.ensure(spec),
    remove: () => services.remove(spec),
    needsRecord: false,
  };
}

/** Removing the service takes it along. */
function autostartStep(services: ServicePort, spec: AutostartSpec): InstallationStep {
  return {
    what: `start of ${spec.service} at boot`,
    isAsWanted: async () => (await services.readAutostart(spec)).enabled === spec.enabled,
    add: () => services.ensureAutostart(spec),
    needsRecord: false,
  };
}
