import { rmSync } from "node:fs";
import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import { controlSockets, engineSocket, sharedSocket } from "../../../native/linux/process/engine-sockets.ts";
import { isUnixSocketLive } from "../../../native/linux/process/unix-exchange.ffi.ts";

/** Removes the socket files of engines that died; a socket that answers stays. */
export function removeDeadSockets(keeperFolder: string, device: string): void {
  for (const { path } of controlSockets(keeperFolder, device)) {
    if (!isUnixSocketLive(path)) rmSync(path, { force: true });
  }
}

/** The control socket of a tunnel's engine, existing or to come, where it is not the shared one; undefined otherwise. */
export function separateSocket(
  keeperFolder: string,
  { protocol, device }: Pick<TunnelSpec, "protocol" | "device">,
): string | undefined {
  const socket = engineSocket(keeperFolder, protocol, device);
  return socket === sharedSocket(protocol, device) ? undefined : socket;
}
