import { existsSync, realpathSync } from "node:fs";

const RESOLV_CONF = "/etc/resolv.conf";
const RESOLVED_FOLDER = "/run/systemd/resolve/";
export const SYSTEM_BUS_SOCKET = "/run/dbus/system_bus_socket";

/**
 * Whether systemd-resolved is usable: it runs, the bus exists, and awg acts on the host's own network namespace. In
 * another namespace resolved would configure the wrong network.
 */
export function isResolvedAvailable(namespaced: boolean): boolean {
  return !namespaced && existsSync(`${RESOLVED_FOLDER}stub-resolv.conf`) && existsSync(SYSTEM_BUS_SOCKET);
}

/** How to configure the resolver: by resolved where it manages resolv.conf, else by rewriting the file. */
export function readResolverMethod(namespaced: boolean): "file" | "resolved" {
  if (!isResolvedAvailable(namespaced)) return "file";
  try {
    return realpathSync(RESOLV_CONF).startsWith(RESOLVED_FOLDER) ? "resolved" : "file";
  } catch {
    return "file";
  }
}
