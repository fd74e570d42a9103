import { AwgError } from "../../model/error.ts";
import type { SysctlPort } from "../ports/kernel/sysctl.ts";

/** Kernel settings: a Mac has none of those that awg sets on Linux, and needs none. */
export function darwinSysctl(): SysctlPort {
  return {
    read: async () => ({}),
    write: async (values) => {
      const [name] = Object.keys(values);
      if (name === undefined) return;
      throw new AwgError("host", `macOS has no kernel setting ${name}`, { facts: { name } });
    },
  };
}
