import type { RoleRules, SocketPeer } from "../api/role.ts";
import { readGids, readServiceUser } from "../host/linux/service-user.ts";
import type { SystemParts } from "../http/serving/serve-api.ts";
import { ADMIN_GROUP, VIEWER_GROUP } from "../model/ownership.ts";
import { LAUNCHD } from "../model/resources/service.ts";
import type { LibSystem } from "../native/darwin/libsystem.ts";
import { readPeerUid } from "../native/darwin/peer-credentials.ts";
import { activatedSocket } from "../native/darwin/process/activated-socket.ts";
import { readPeerCredentials, readPeerGroups } from "../native/linux/process/unix-socket.ffi.ts";

/**
 * Who has which role on this host, by its local groups. Read once: a name service that hangs must not delay a client.
 *
 * @param adminGroup its members are admins
 */
export function readRoleRules(adminGroup = ADMIN_GROUP): RoleRules {
  const { uid } = readServiceUser();
  return {
    adminGroups: readGids([adminGroup]),
    viewerGroups: readGids([VIEWER_GROUP]),
    ...(uid === 0 ? {} : { serviceUid: uid }),
  };
}

/** The peer of a connected unix socket, as the kernel recorded it. */
export function readPeer(fd: number): SocketPeer {
  const { uid, gid } = readPeerCredentials(fd);
  return { uid, groups: [gid, ...readPeerGroups(fd)] };
}

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const PASSED_FD = 3;

/**
 * The parts of the system of this process.
 *
 * @param group its members are admins, on Linux
 */
export async function systemParts(group: string): Promise<SystemParts> {
  if (process.platform !== "darwin") return linuxSystemParts(group);
  const { openLibSystem } = await import("../native/darwin/libsystem.ffi.ts");
  return darwinSystemParts(openLibSystem());
}

function linuxSystemParts(group: string): SystemParts {
  const isPassed = process.env["LISTEN_PID"] === String(process.pid) && process.env["LISTEN_FDS"] === "1";
  return { ...(isPassed ? { passedFd: PASSED_FD } : {}), rules: readRoleRules(group), peerOf: readPeer };
}

/** Root alone: macOS keeps groups in a directory that awg does not read. AwgError host as `activatedSocket`. */
export function darwinSystemParts(system: LibSystem): SystemParts {
  const passedFd = activatedSocket(system, LAUNCHD.apiSocketKey);
  return {
    ...(passedFd === undefined ? {} : { passedFd }),
    rules: { adminGroups: [], viewerGroups: [] },
    peerOf: (fd) => ({ uid: readPeerUid(system, fd), groups: [] }),
  };
}
