import type { ServicePort } from "../../ports/services.ts";
import type { SystemdDeps } from "./systemd-services.ts";

/** Services of a Linux host; their code is loaded on first use. */
export function linuxServices(deps: Omit<SystemdDeps, "run">): ServicePort {
  const systemd = async (): Promise<ServicePort> => {
    const { runSystemctl } = await import("./run-systemctl.ts");
    const { systemdServices } = await import("./systemd-services.ts");
    return systemdServices({ ...deps, run: runSystemctl });
  };
  return {
    readManager: async () => (await systemd()).readManager(),
    read: async (place) => (await systemd()).read(place),
    ensure: async (spec) => (await systemd()).ensure(spec),
    remove: async (place) => (await systemd()).remove(place),
    readAutostart: async (service) => (await systemd()).readAutostart(service),
    ensureAutostart: async (spec) => (await systemd()).ensureAutostart(spec),
    readRunning: async () => (await (await systemd()).readRunning?.()) ?? [],
    control: async (place, command) => (await systemd()).control(place, command),
  };
}
