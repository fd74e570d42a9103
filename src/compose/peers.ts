import type { RoleRules, SocketPeer } from "../api/role.ts";
import { readGids, readServiceUser } from "../host/linux/service-user.ts";
import { ADMIN_GROUP, VIEWER_GROUP } from "../model/ownership.ts";
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
