import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { readSshConnection } from "../app/apply/ssh-connection.ts";
import type { HostOptions } from "../app/host-options.ts";
import { knownConfigIn } from "../app/load/known-config.ts";
import type { HostParts } from "../app/parts.ts";
import { keeperWatchdog } from "../app/watchdog.ts";
import { repeat } from "../daemon/timers.ts";
import { runCommand } from "../host/darwin/command.ts";
import { darwinHost } from "../host/darwin/darwin-host.ts";
import { keeperHolder } from "../host/darwin/links/keeper-holder.ts";
import { darwinProcesses } from "../host/darwin/processes/darwin-processes.ts";
import { sshConnectionAbove, sshdStartMs } from "../host/darwin/processes/ssh-ancestor.ts";
import type { ProcessPort } from "../host/ports/processes.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { readBootSession } from "../native/darwin/calls.ts";
import { forbidDumps } from "../native/darwin/forbid-dumps.ts";
import { openLibSystem } from "../native/darwin/libsystem.ffi.ts";
import type { LibSystem } from "../native/darwin/libsystem.ts";
import { readPeerUid } from "../native/darwin/peer-credentials.ts";
import { realPaths } from "../native/linux/real-path.ts";
import { oneWayNotes } from "../resources/expand/flat/one-way-notes.ts";
import { auditIn } from "../state/audit/audit-file.ts";
import { fileStores } from "../state/file-stores.ts";
import { trustedOwners } from "../state/file-trust.ts";
import { fileLock } from "../state/lock-holder.ts";
import { SecretStore } from "../state/secret-store.ts";
import { DARWIN_NAME_FOLDER, pathsFor } from "./paths.ts";
import { revertCommand, rootRights, thisProgram } from "./real-host.ts";

/** macOS has no network namespaces: one keeper for each run folder. */
const ONLY_NAMESPACE = 0;
/** How often `awg ps --watch` looks. */
const PROCESS_LOOK_MS = 500;

/** A session on this Mac. */
export function darwinParts({ stateDir, runDir, isUnattended, isAttended = false, ...given }: HostOptions): HostParts {
  const paths = pathsFor(stateDir, runDir);
  const secrets = new SecretStore(paths.stateDir, { ...given, owners: trustedOwners(given.environment, isUnattended) });
  const system = openLibSystem();
  // Keys pass through this process: none may end in a core dump, or be read by a debugger.
  if (process.geteuid?.() === 0) forbidDumps(system);
  const holder = keeperHolder({
    paths: keeperPaths(paths.runDir, ONLY_NAMESPACE),
    nameFolder: DARWIN_NAME_FOLDER,
    command: [...thisProgram(), "keeper", "--run-dir", paths.runDir],
    peerUid: (fd) => readPeerUid(system, fd),
  });
  return {
    host: darwinHost({
      system,
      run: runCommand,
      holder,
      secrets,
      runDir: paths.runDir,
      stateDir: paths.stateDir,
      program: thisProgram(),
      isAttended,
      sleep: async (ms) => void (await sleep(ms)),
    }),
    stores: fileStores(paths.stateDir, { bootId: readBootSession(system), namespace: "macos" }, secrets),
    stateDir: paths.stateDir,
    isSimulated: false,
    clock: { nowMs: Date.now, sleep: async (ms) => void (await sleep(ms)), bootMs: () => uptime() * 1000 },
    ...auditIn(paths.stateDir, given.environment, isUnattended === true),
    bootId: () => readBootSession(system),
    ...rootRights(async () => fileLock(paths.lockFile), secrets, paths.daemonFile),
    known: knownConfigIn(paths.stateDir),
    watchdog: keeperWatchdog(holder, revertCommand(paths)),
    sshConnection: () =>
      readSshConnection(given.environment, () => sshConnectionAbove(processesOf(system), process.ppid)),
    sshBeganMs: () => sinceBootMs(sshdStartMs(processesOf(system), process.ppid)),
    processes: async () => processesOf(system),
    realPaths,
    notesOn: oneWayNotes,
    close: async () => {},
  };
}

/** A time of the wall clock, as it is set now, in milliseconds since boot. */
function sinceBootMs(epochMs: number | undefined): number | undefined {
  return epochMs === undefined ? undefined : epochMs - Date.now() + uptime() * 1000;
}

function processesOf(system: LibSystem): ProcessPort {
  const every = (onDue: () => void) => repeat(() => PROCESS_LOOK_MS, onDue);
  return darwinProcesses({ system, nowMs: () => performance.now(), every });
}
