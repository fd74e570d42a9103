import { existsSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { textOf } from "../readable-files.ts";
import { isUnixSocketLive } from "./unix-exchange.ffi.ts";

const PROTOCOLS = ["wireguard", "amneziawg"] as const;

export type EngineProtocol = (typeof PROTOCOLS)[number];

/** A line of /proc/net/unix with a listening socket: its flags have __SO_ACCEPTCON (net/unix/af_unix.c). */
const LISTENING = /^\S+ \S+ \S+ 00010000 \S+ \S+ +\S+ (\/.*)$/gm;

/** The control socket of a device's engine where wg(8) looks for it. All network namespaces share this folder. */
export function sharedSocket(protocol: EngineProtocol, device: string): string {
  return `${ENGINE_PROGRAMS[protocol].socketFolder}/${device}.sock`;
}

/** The control socket in the keeper's folder, used while an engine of another namespace has the shared name. */
export function ownSocket(keeperFolder: string, protocol: EngineProtocol, device: string): string {
  return `${keeperFolder}/${protocol}-${device}.sock`;
}

/**
 * The existing control sockets of a device in this network namespace, with or without a listener; the keeper's folder
 * comes first. A shared name served from another network namespace is left out.
 */
export function controlSockets(
  keeperFolder: string,
  device: string,
  protocols: readonly EngineProtocol[] = PROTOCOLS,
): readonly { readonly protocol: EngineProtocol; readonly path: string }[] {
  return protocols.flatMap((protocol) => {
    const [own, shared] = [ownSocket(keeperFolder, protocol, device), sharedSocket(protocol, device)];
    const paths = [own, shared].filter((path) => existsSync(path) && (path === own || !isServedElsewhere(path)));
    return paths.map((path) => ({ protocol, path }));
  });
}

/** The control socket of a device's engine in this network namespace, existing or to come. */
export function engineSocket(keeperFolder: string, protocol: EngineProtocol, device: string): string {
  const shared = sharedSocket(protocol, device);
  const own = ownSocket(keeperFolder, protocol, device);
  return existsSync(own) || isServedElsewhere(shared) ? own : shared;
}

/** Whether a program of another network namespace listens on this socket. The kernel lists sockets per namespace. */
export function isServedElsewhere(path: string): boolean {
  const listed = textOf("/proc/self/net/unix");
  const here = [...listed.matchAll(LISTENING)].map(([, bound = ""]) => canonical(bound));
  return listed !== "" && !here.includes(canonical(path)) && isUnixSocketLive(path);
}

/** wireguard-go may be built for either name of the folder. */
function canonical(path: string): string {
  return path.replace(/^\/var\/run\//, "/run/");
}
