import type { LibSystem } from "./libsystem.ts";

/** The name of this boot, a UUID (kern.bootsessionuuid, bsd/kern/kern_sysctl.c); "unknown" where there is none. */
export function readBootSession(system: Pick<LibSystem, "sysctlByName">): string {
  const buffer = new Uint8Array(64);
  const { value, length } = system.sysctlByName("kern.bootsessionuuid", buffer);
  const text = value === -1 ? "" : new TextDecoder().decode(buffer.subarray(0, Math.max(0, length - 1)));
  return /^[0-9A-Fa-f-]{36}$/.test(text) ? text : "unknown";
}
