import type { ServiceCommand } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { AutostartObserved, ServiceObserved } from "../../model/resources/service.ts";
import type { HostParts } from "../parts.ts";
import { wantedHere } from "./service-steps.ts";
import { underLock } from "./under-lock.ts";

/** A service as its manager holds it, and whether it starts by itself. */
export interface ServiceReport {
  readonly observed: ServiceObserved;
  readonly autostart: AutostartObserved | undefined;
}

/** How awg's services stand. Reads only. AwgError unsupported where there can be none. */
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

/** Starts, stops or restarts the daemon; the network stays as it is. AwgError usage where it is not installed. */
export async function controlDaemon(parts: HostParts, command: ServiceCommand): Promise<void> {
  const { services } = parts.host;
  const daemon = (await wantedHere(services)).find(({ key }) => key === "service/daemon");
  if (services === undefined || daemon?.kind !== "service") throw new AwgError("bug", "there is no daemon to control");
  const { definition } = await services.read(daemon.spec);
  if (definition === null) {
    throw new AwgError("usage", "awg is not installed as a service here", { remedy: "run sudo awg install" });
  }
  await underLock(parts, `service ${command}`, () => services.control(daemon.spec, command));
}
