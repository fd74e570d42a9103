import { existsSync, realpathSync } from "node:fs";

const RESOLV_CONF = "/etc/resolv.conf";
const RESOLVED_FOLDER = "/run/systemd/resolve/";
export const SYSTEM_BUS_SOCKET = "/run/dbus/system_bus_socket";

/**
 * Whether systemd-resolved answers for this machine: it runs, the bus is there, and awg acts on the machine itself. In
 * a network namespace of its own resolved would speak for another network.
 */
export function isResolvedAvailable(namespaced: boolean): boolean {
  return !namespaced && existsSync(`${RESOLVED_FOLDER}stub-resolv.conf`) && existsSync(SYSTEM_BUS_SOCKET);
}

/** How the resolver is to be set here: through resolved where resolv.conf is its file, by rewriting the file elsewhere. */
export function readResolverMethod(namespaced: boolean): "file" | "resolved" {
  if (!isResolvedAvailable(namespaced)) return "file";
  try {
    return realpathSync(RESOLV_CONF).startsWith(RESOLVED_FOLDER) ? "resolved" : "file";
  } catch {
    return "file";
  }
}
