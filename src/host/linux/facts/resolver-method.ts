import { existsSync, readFileSync, realpathSync } from "node:fs";

const RESOLV_CONF = "/etc/resolv.conf";
const RESOLVED_FOLDER = "/run/systemd/resolve/";
const NSSWITCH = "/etc/nsswitch.conf";
/** Where nss-resolve asks it by varlink; it uses no network, so a network namespace does not separate it. */
const RESOLVED_SOCKET = "/run/systemd/resolve/io.systemd.Resolve";
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

/** Whether the C library resolves names by the bus of a running systemd-resolved (nss-resolve(8), nsswitch.conf(5)). */
export function asksResolved(nsswitch = NSSWITCH, socket = RESOLVED_SOCKET): boolean {
  if (!existsSync(socket)) return false;
  try {
    return /^\s*hosts:[^#\n]*\bresolve\b/m.test(readFileSync(nsswitch, "utf8"));
  } catch {
    return false;
  }
}
