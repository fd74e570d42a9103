import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { roleOf, type SocketPeer } from "../../api/role.ts";
import type { DaemonOutside } from "../../daemon/run-daemon.ts";
import { serveLines } from "../../daemon/serving/line-server.ts";
import { messageOf } from "../../model/error.ts";
import { recordHostNamespace } from "../paths.ts";
import { readPeer, readRoleRules } from "./peers.ts";

/**
 * Serves the daemon's socket on Linux: root, group awg and group awg-viewer may ask, and nothing that is asked changes
 * anything. Others may pass through the run folder, and are refused by who they are.
 */
export function serveOn(path: string): NonNullable<DaemonOutside["serve"]> {
  return async (converse, report) => {
    const rules = readRoleRules();
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
      recordHostNamespace();
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
