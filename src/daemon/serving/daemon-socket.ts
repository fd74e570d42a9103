import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type RoleRules, roleOf, type SocketPeer } from "../../api/role.ts";
import { messageOf } from "../../model/error.ts";
import type { DaemonOutside } from "../run-daemon.ts";
import { serveLines } from "./line-server.ts";
import type { SocketFile } from "./socket-file.ts";

/** The paths of the sockets on which the daemon answers, by who may connect. */
export interface DaemonSockets {
  readonly admins: string;
  readonly viewers: string;
}

interface SocketPlace {
  readonly paths: DaemonSockets;
  readonly readRules: () => RoleRules;
  /** The peer of a connected socket's descriptor. */
  readonly readPeer: (fd: number) => SocketPeer;
  /** Called once the socket exists. */
  readonly onServing: () => void;
}

/**
 * Serves the daemon's sockets: one for root and group awg, one for group awg-viewer. Nothing that is asked changes anything.
 * The kernel refuses others, and a connected peer is checked again.
 */
export function serveSocket({
  paths,
  readRules,
  readPeer,
  onServing,
}: SocketPlace): NonNullable<DaemonOutside["serve"]> {
  return async (converse, report) => {
    const rules = readRules();
    const admit = (fd: number): SocketPeer | undefined => {
      const peer = readPeer(fd);
      return roleOf(peer, rules) === undefined ? undefined : peer;
    };
    try {
      mkdirSync(dirname(paths.admins), { recursive: true, mode: 0o700 });
      // The lock of the daemon is held: sockets at these places are of one that ended.
      for (const path of [paths.admins, paths.viewers]) rmSync(path, { force: true });
      const server = await serveLines({
        sockets: socketsFor(paths, rules),
        admit,
        converse: (send, peer) => converse(send, roleOf(peer, rules) ?? "viewer"),
      });
      chmodSync(dirname(paths.admins), 0o711);
      onServing();
      return server;
    } catch (error) {
      report({
        type: "problem",
        text: `the daemon has no socket, so awg events and awg wait cannot ask it: ${messageOf(error)}`,
      });
      return undefined;
    }
  };
}

/** Without the group, root alone may use the first; the second is not made. */
function socketsFor({ admins, viewers }: DaemonSockets, rules: RoleRules): readonly SocketFile[] {
  const [admin] = rules.adminGroups;
  const [viewer] = rules.viewerGroups;
  return [
    { path: admins, ...(admin === undefined ? {} : { gid: admin }) },
    ...(viewer === undefined ? [] : [{ path: viewers, gid: viewer }]),
  ];
}
