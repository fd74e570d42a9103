import { existsSync, type Stats, statSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { hasErrno } from "../errno.ts";
import { NETLINK_SOCK_DIAG } from "../netlink/inet-diag.codec.ts";
import { openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import { decodeListener, encodeListenerDump, type ListeningFile } from "../netlink/unix-diag.codec.ts";
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

/**
 * Whether a program of another network namespace listens on this socket. The kernel lists sockets per namespace. The
 * list is read again after the connection, because a program of this namespace may have begun to listen meanwhile.
 */
export function isServedElsewhere(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  return file !== undefined && !isServedHere(path, file) && isUnixSocketLive(path) && !isServedHere(path, file);
}

/** By the file, which may have been renamed since it was bound; by the name where stat(2) has another device (btrfs). */
function isServedHere(path: string, file: Stats): boolean {
  const isBound = ({ bound }: { readonly bound: string }) => canonical(bound) === canonical(path);
  const files = listeningFiles();
  if (files === undefined) return listeningNames().some((bound) => isBound({ bound }));
  const inode = file.ino % 2 ** 32;
  return files.some((one) => one.inode === inode && (one.device === file.dev || isBound(one)));
}

/** The listening unix sockets of this network namespace; undefined where the kernel has no CONFIG_UNIX_DIAG. */
function listeningFiles(): readonly ListeningFile[] | undefined {
  try {
    using netlink = openNetlinkSocket(NETLINK_SOCK_DIAG);
    const answers = netlink.dump(encodeListenerDump(), "listing unix sockets");
    return answers.map(decodeListener).filter((one) => one !== undefined);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "EPROTONOSUPPORT", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}

function listeningNames(): readonly string[] {
  return [...textOf("/proc/self/net/unix").matchAll(LISTENING)].map(([, bound = ""]) => bound);
}

/** wireguard-go may be built for either name of the folder. */
function canonical(path: string): string {
  return path.replace(/^\/var\/run\//, "/run/");
}
