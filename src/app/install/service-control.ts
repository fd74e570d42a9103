import type { ServiceCommand, ServicePort } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { ResourceOf } from "../../model/resource.ts";
import type { AutostartObserved, ServiceObserved } from "../../model/resources/service.ts";
import type { HostParts } from "../parts.ts";
import { readAccepted } from "../status/machine-status.ts";
import { wantedHere } from "./service-steps.ts";
import { underLock } from "./under-lock.ts";

/** A service as its manager holds it, and whether it starts by itself. */
export interface ServiceReport {
  readonly observed: ServiceObserved;
  readonly autostart: AutostartObserved | undefined;
}

/** The state of awg's services. Reads only. AwgError unsupported where there can be none. */
export async function readServices(parts: HostParts): Promise<readonly ServiceReport[]> {
  const { services } = parts.host;
  const wanted = await wantedHere(services);
  const reports: ServiceReport[] = [];
  for (const resource of wanted) {
    if (resource.kind !== "service" || services === undefined) continue;
    const observed = await services.read(resource.spec);
    const starts = wanted.some((one) => one.kind === "autostart" && one.spec.service === resource.spec.name);
    const autostart = starts ? await services.readAutostart({ service: resource.spec.name }) : undefined;
    reports.push({ observed, autostart });
  }
  return reports;
}

/**
 * Starts the daemon at boot, or no longer. AwgError usage where it is not installed, conflict where the applied config
 * says otherwise.
 */
export async function setAutostart(parts: HostParts, enabled: boolean): Promise<void> {
  const { services } = parts.host;
  const { spec } = await installedDaemon(services);
  const declared = (await readAccepted(parts)).find(({ key }) => key === "autostart/daemon");
  if (declared?.kind === "autostart" && declared.spec.enabled !== enabled) {
    throw new AwgError("conflict", "the applied config says whether awg starts at boot", {
      remedy: `write service: { autostart: ${enabled} } in the config, then awg apply`,
    });
  }
  await underLock(parts, `service ${enabled ? "enable" : "disable"}`, async () =>
    services?.ensureAutostart({ service: spec.name, enabled }),
  );
}

/** Starts, stops or restarts the daemon; the network stays as it is. AwgError usage where it is not installed. */
export async function controlDaemon(parts: HostParts, command: ServiceCommand): Promise<void> {
  const { services } = parts.host;
  const { spec } = await installedDaemon(services);
  await underLock(parts, `service ${command}`, async () => services?.control(spec, command));
}

async function installedDaemon(services: ServicePort | undefined): Promise<ResourceOf<"service">> {
  const daemon = (await wantedHere(services)).find(({ key }) => key === "service/daemon");
  if (services === undefined || daemon?.kind !== "service") throw new AwgError("bug", "there is no daemon to control");
  const { definition } = await services.read(daemon.spec);
  if (definition !== null) return daemon;
  throw new AwgError("usage", "awg is not installed as a service here", { remedy: "run sudo awg install" });
}
