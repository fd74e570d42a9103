import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { RoleRules, SocketPeer } from "../../api/role.ts";
import { AwgError } from "../../model/error.ts";
import { ADMIN_GROUP } from "../../model/ownership.ts";
import { openUnixDoor } from "../doors/unix-door.ts";
import type { ApiParts } from "../router.ts";
import { ActionRunner } from "../run-action.ts";

/** What the API's socket needs of the system. */
export interface SystemParts {
  /** The listening socket that the service manager opened; absent if it did not start this process. */
  readonly passedFd?: number;
  readonly rules: RoleRules;
  /** The peer of a connected socket's descriptor. */
  readonly peerOf: (fd: number) => SocketPeer;
}

export interface ApiOptions {
  /** The socket, unless the service manager opened one. */
  readonly path: string;
  readonly system: SystemParts;
  readonly parts: ApiParts;
  /** Program and first words of a child that runs a verb. */
  readonly program: readonly string[];
  /** Words of each child that name the host. */
  readonly hostWords: readonly string[];
  /** Absolute paths of the config that an action reads unless its request names one; none: those of the daemon. */
  readonly configFiles: readonly string[];
  /** The config files that the daemon follows; throws when none answers. */
  readonly daemonFiles: () => Promise<readonly string[]>;
  /** Its members are admins. */
  readonly group: string;
  /** Aborted when it should end. */
  readonly signal: AbortSignal;
  /** Ends by itself after so long without a connection. */
  readonly idleMs?: number;
  readonly onListening: (path: string) => void;
  readonly onWarning: (text: string) => void;
}

/** Serves the API over HTTP on its unix socket until it should end. */
export async function serveApi(options: ApiOptions): Promise<void> {
  const { path, parts } = options;
  const { passedFd, rules, peerOf } = options.system;
  if (passedFd === undefined) await prepareFolder(path);
  if (options.group !== ADMIN_GROUP && rules.adminGroups.length === 0) {
    options.onWarning(`group ${options.group} does not exist here: root alone may use the API`);
  }
  const ended = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => ended.resolve(), { once: true });
  let idle = endWhenIdle(options.idleMs, ended.resolve);
  const umask = process.umask(0o177);
  const door = await openUnixDoor({
    listen: passedFd === undefined ? { path } : { fd: passedFd },
    rules,
    peerOf,
    parts: { ...parts, runner: new ActionRunner({ ...options, configFiles: () => configFilesOf(options) }) },
    onConnections: (open) => {
      clearTimeout(idle);
      if (open === 0) idle = endWhenIdle(options.idleMs, ended.resolve);
    },
  });
  process.umask(umask);
  await using _door = door;
  if (passedFd === undefined) openToAdmins(path, rules.adminGroups);
  options.onListening(path);
  await ended.promise;
}

/**
 * A folder that others may pass through; a socket that a dead process left is replaced.
 *
 * @throws AwgError conflict if another process listens there
 */
async function prepareFolder(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  if (await isListening(path)) {
    throw new AwgError("conflict", `another process answers on ${path}`, {
      remedy: "use that one, or stop it: systemctl stop awg-api.socket awg-api.service",
    });
  }
  rmSync(path, { force: true });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => resolve(true));
    probe.once("error", () => resolve(false)).once("connect", () => probe.destroy());
  });
}

/** The files of `-f`, else those that the daemon follows; none without a daemon, and then the host's are read. */
async function configFilesOf({ configFiles, daemonFiles }: ApiOptions): Promise<readonly string[]> {
  return configFiles.length > 0 ? configFiles : daemonFiles().catch(() => []);
}

/** The group may connect; without one, root alone. */
function openToAdmins(path: string, [gid]: readonly number[]): void {
  if (gid === undefined) return;
  chownSync(path, 0, gid);
  chmodSync(path, 0o660);
  chmodSync(dirname(path), 0o711);
}

function endWhenIdle(ms: number | undefined, end: () => void): NodeJS.Timeout | undefined {
  return ms === undefined ? undefined : setTimeout(end, ms);
}
