import { AwgError } from "../../model/error.ts";
import type { SysctlPort } from "../ports/sysctl.ts";

/** Kernel settings: none of those that awg sets on Linux exists on a Mac, and it needs no other in their place. */
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
