import { AwgError } from "../../../model/error.ts";
import type { SysctlPort } from "../../ports/kernel/sysctl.ts";
import type { SimulatedMachine } from "../machine.ts";

/** Per-device names as the kernel builds them: net.ipv4.conf.<device>.<setting>. */
const DEVICE_SETTING = /^net\.ipv[46]\.conf\.(.+)\.([a-z0-9_]+)$/;

/**
 * Kernel settings of the simulated host. A device's settings exist as long as the device and start at the defaults.
 */
export function simulatedSysctl(machine: SimulatedMachine): SysctlPort {
  return {
    async read(names) {
      machine.checkAlive("sysctl.read");
      return Object.fromEntries(
        names.flatMap((name) => {
          const value = settingOf(machine, name);
          return value === undefined ? [] : [[name, value]];
        }),
      );
    },
    async write(values) {
      machine.checkAlive("sysctl.write");
      for (const [name, value] of Object.entries(values)) {
        if (settingOf(machine, name) === undefined) throw new AwgError("host", `the kernel has no setting ${name}`);
        machine.perform(
          "sysctl.write",
          () => {
            machine.live.sysctls[name] = value;
          },
          name,
        );
      }
    },
  };
}

function settingOf(machine: SimulatedMachine, name: string): string | undefined {
  const { sysctls } = machine.live;
  const [, device, setting] = DEVICE_SETTING.exec(name) ?? [];
  if (device === undefined || device === "all" || device === "default") return sysctls[name];
  if (machine.link(device) === undefined) return undefined;
  return sysctls[name] ?? sysctls[`${name.slice(0, "net.ipv4.conf.".length)}default.${setting}`] ?? "0";
}
