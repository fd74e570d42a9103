import { existsSync, rmSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { isUnixSocketLive } from "../../../native/linux/process/unix-exchange.ffi.ts";

export const PROTOCOLS = ["wireguard", "amneziawg"] as const;

/** Where the engine of a device answers by UAPI. */
export function socketPath(protocol: (typeof PROTOCOLS)[number], device: string): string {
  return `${ENGINE_PROGRAMS[protocol].socketFolder}/${device}.sock`;
}

/** The sockets of a device that are there, whether somebody listens or not. */
export function socketsOf(device: string): readonly string[] {
  return PROTOCOLS.map((protocol) => socketPath(protocol, device)).filter((path) => existsSync(path));
}

/** Removes what engines that died left of their sockets; one that answers stays. */
export function removeDeadSockets(device: string): void {
  for (const path of socketsOf(device)) if (!isUnixSocketLive(path)) rmSync(path, { force: true });
}
