import { existsSync, rmSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { isUnixSocketLive } from "../../../native/linux/process/unix-exchange.ffi.ts";

export const PROTOCOLS = ["wireguard", "amneziawg"] as const;

/** The UAPI socket of a device's engine. */
export function socketPath(protocol: (typeof PROTOCOLS)[number], device: string): string {
  return `${ENGINE_PROGRAMS[protocol].socketFolder}/${device}.sock`;
}

/** The existing sockets of a device, with or without a listener. */
export function socketsOf(device: string): readonly string[] {
  return PROTOCOLS.map((protocol) => socketPath(protocol, device)).filter((path) => existsSync(path));
}

/** Removes the socket files of engines that died; a socket that answers stays. */
export function removeDeadSockets(device: string): void {
  for (const path of socketsOf(device)) if (!isUnixSocketLive(path)) rmSync(path, { force: true });
}
