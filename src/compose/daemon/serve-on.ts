import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { roleOf, type SocketPeer } from "../../api/role.ts";
import type { DaemonOutside } from "../../daemon/run-daemon.ts";
import { serveLines } from "../../daemon/serving/line-server.ts";
import { readGids, readServiceUser } from "../../host/linux/service-user.ts";
import { messageOf } from "../../model/error.ts";
import { readPeerCredentials, readPeerGroups } from "../../native/linux/process/unix-socket.ffi.ts";

/** Members may do everything that awg can; as good as root. */
const ADMIN_GROUP = "awg";
/** Members may look. */
const VIEWER_GROUP = "awg-viewer";

/**
 * Serves the daemon's socket on Linux: root, group awg and group awg-viewer may ask, and nothing that is asked changes
 * anything. Others may pass through the run folder, and are refused by who they are.
 */
export function serveOn(path: string): NonNullable<DaemonOutside["serve"]> {
  return async (converse, report) => {
    const { uid: serviceUid } = readServiceUser();
    const rules = {
      adminGroups: readGids([ADMIN_GROUP]),
      viewerGroups: readGids([VIEWER_GROUP]),
      ...(serviceUid === 0 ? {} : { serviceUid }),
    };
    const admit = (fd: number): SocketPeer | undefined => {
      const { uid, gid } = readPeerCredentials(fd);
      const peer = { uid, groups: [gid, ...readPeerGroups(fd)] };
      return roleOf(peer, rules) === undefined ? undefined : peer;
    };
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      // The lock of the daemon is held: a socket at this place is of one that ended.
      rmSync(path, { force: true });
      const server = await serveLines({ path, admit, converse });
      chmodSync(path, 0o666);
      chmodSync(dirname(path), 0o711);
      return server;
    } catch (error) {
      report({ type: "problem", text: `nobody can ask this daemon, for its socket failed: ${messageOf(error)}` });
      return undefined;
    }
  };
}
