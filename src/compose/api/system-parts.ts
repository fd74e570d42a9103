import type { RoleRules, SocketPeer } from "../../api/role.ts";
import { LAUNCHD } from "../../model/resources/service.ts";
import { openLibSystem } from "../../native/darwin/libsystem.ffi.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { readPeerUid } from "../../native/darwin/peer-credentials.ts";
import { activatedSocket } from "../../native/darwin/process/activated-socket.ts";
import { readPeer, readRoleRules } from "../peers.ts";

/** What the API's socket needs of the system. */
export interface SystemParts {
  /** The listening socket that the service manager opened; absent if it did not start this process. */
  readonly passedFd?: number;
  readonly rules: RoleRules;
  /** The peer of a connected socket's descriptor. */
  readonly peerOf: (fd: number) => SocketPeer;
}

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const PASSED_FD = 3;

/**
 * The parts of the system of this process.
 *
 * @param group its members are admins, on Linux
 */
export function systemParts(group: string): SystemParts {
  return process.platform === "darwin" ? darwinSystemParts(openLibSystem()) : linuxSystemParts(group);
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
