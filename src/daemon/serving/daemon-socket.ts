import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type RoleRules, roleOf, type SocketPeer } from "../../api/role.ts";
import { messageOf } from "../../model/error.ts";
import type { DaemonOutside } from "../run-daemon.ts";
import { serveLines } from "./line-server.ts";

interface SocketPlace {
  readonly path: string;
  readonly readRules: () => RoleRules;
  /** The peer of a connected socket's descriptor. */
  readonly readPeer: (fd: number) => SocketPeer;
  /** Called once the socket exists. */
  readonly onServing: () => void;
}

/**
 * Serves the daemon's socket: root, group awg and group awg-viewer may ask, and nothing that is asked changes anything.
 * Others may pass through the run folder, and are refused by who they are.
 */
export function serveSocket({
  path,
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
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      // The lock of the daemon is held: a socket at this place is of one that ended.
      rmSync(path, { force: true });
      const server = await serveLines({
        path,
        admit,
        converse: (send, peer) => converse(send, roleOf(peer, rules) ?? "viewer"),
      });
      chmodSync(path, 0o666);
      chmodSync(dirname(path), 0o711);
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
