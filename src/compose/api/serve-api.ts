import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { HostOptions } from "../../app/host-options.ts";
import { openUnixDoor } from "../../http/doors/unix-door.ts";
import { ActionRunner } from "../../http/run-action.ts";
import { AwgError } from "../../model/error.ts";
import { ADMIN_GROUP } from "../../model/ownership.ts";
import { pathsFor } from "../paths.ts";
import { daemonParts, type EventText, readDaemonFiles } from "./daemon-parts.ts";
import { systemParts } from "./system-parts.ts";

export interface ApiOptions {
  readonly host: HostOptions;
  readonly textOf: EventText;
  /** Program and first words of a child that runs a verb. */
  readonly program: readonly string[];
  /** Words of each child that name the host. */
  readonly hostWords: readonly string[];
  /** Absolute paths of the config that an action reads unless its request names one; none: those of the daemon. */
  readonly configFiles: readonly string[];
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
  const { apiSocket } = pathsFor(options.host.stateDir, options.host.runDir);
  const { passedFd, rules, peerOf } = systemParts(options.group);
  if (passedFd === undefined) await prepareFolder(apiSocket);
  if (options.group !== ADMIN_GROUP && rules.adminGroups.length === 0) {
    options.onWarning(`group ${options.group} does not exist here: root alone may use the API`);
  }
  const ended = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => ended.resolve(), { once: true });
  let idle = endWhenIdle(options.idleMs, ended.resolve);
  const umask = process.umask(0o177);
  const door = await openUnixDoor({
    listen: passedFd === undefined ? { path: apiSocket } : { fd: passedFd },
    rules,
    peerOf,
    parts: {
      ...daemonParts(options.host, options.textOf),
      runner: new ActionRunner({ ...options, configFiles: () => configFilesOf(options) }),
    },
    onConnections: (open) => {
      clearTimeout(idle);
      if (open === 0) idle = endWhenIdle(options.idleMs, ended.resolve);
    },
  });
  process.umask(umask);
  await using _door = door;
  if (passedFd === undefined) openToAdmins(apiSocket, rules.adminGroups);
  options.onListening(apiSocket);
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
async function configFilesOf({ configFiles, host }: ApiOptions): Promise<readonly string[]> {
  return configFiles.length > 0 ? configFiles : readDaemonFiles(host).catch(() => []);
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
