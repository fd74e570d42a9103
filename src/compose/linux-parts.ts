import { readSshConnection, sshServerStartMs } from "../app/apply/ssh-connection.ts";
import type { HostOptions } from "../app/host-options.ts";
import { knownConfigIn } from "../app/load/known-config.ts";
import type { HostParts } from "../app/parts.ts";
import { keeperWatchdog } from "../app/watchdog.ts";
import { type KeeperClient, keeperClient } from "../host/linux/keeper-client.ts";
import { linuxHost } from "../host/linux/linux-host.ts";
import { readServiceUser } from "../host/linux/service-user.ts";
import { AwgError } from "../model/error.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { readBootTimeMs } from "../native/linux/process/boot-time.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";
import { readNamespaceInode } from "../native/linux/process/namespace.ffi.ts";
import { realPaths } from "../native/linux/real-path.ts";
import { auditIn } from "../state/audit/audit-file.ts";
import { fileStores } from "../state/file-stores.ts";
import { trustedOwners } from "../state/file-trust.ts";
import { readStateIdentity } from "../state/identity.ts";
import { SecretStore } from "../state/secret-store.ts";
import { isOfInitial, type Paths, pathsFor } from "./paths.ts";
import { revertCommand, rootRights, thisProgram } from "./real-host.ts";

/** A session on this Linux host, in the network namespace of this process. */
export function linuxParts({ stateDir, runDir, isUnattended, ...given }: HostOptions): HostParts {
  if (process.platform !== "linux") {
    throw new AwgError("unsupported", `awg cannot act on ${process.platform} yet`, {
      remedy: "use --host simulated to try it",
    });
  }
  // Keys pass through this process: none may end in a core dump, or be read by a debugger.
  if (process.geteuid?.() === 0) forbidDumps();
  const paths = pathsFor(stateDir, runDir);
  const secrets = new SecretStore(paths.stateDir, { ...given, owners: trustedOwners(given.environment, isUnattended) });
  const host = linuxHost({
    runDir: paths.runDir,
    stateDir: paths.stateDir,
    namespaced: paths.namespaced,
    keeperCommand: keeperCommand(paths.runDir),
    program: thisProgram(),
    secrets,
    ...(given.onSilentKeeper === undefined ? {} : { onSilentKeeper: given.onSilentKeeper }),
  });
  return {
    host,
    stateDir: paths.stateDir,
    isSimulated: false,
    readPublicFacts: async (wanted) => {
      const { linuxFacts } = await import("../host/linux/facts/facts.ts");
      const { resolverPlaces } = await import("../host/linux/resolver/host-servers.ts");
      return linuxFacts(paths.namespaced, resolverPlaces(paths.stateDir)).read(wanted);
    },
    readEnvironment: async () => {
      const { readLinuxEnvironment } = await import("../host/linux/environment/read-environment.ts");
      const { bootId } = readStateIdentity();
      return readLinuxEnvironment(host, { ...paths, bootId, isInitial: isOfInitial }, Date.now());
    },
    stores: fileStores(paths.stateDir, readStateIdentity(), secrets),
    clock: {
      nowMs: Date.now,
      sleep: async (ms) => void (await (await import("node:timers/promises")).setTimeout(ms)),
      bootMs: readBootTimeMs,
    },
    ...auditIn(paths.stateDir, given.environment, isUnattended === true),
    bootId: () => readStateIdentity().bootId,
    ...rootRights(
      async () => (await import("../state/namespace-lock.ts")).namespaceLock(paths.lockFile),
      secrets,
      paths.daemonFile,
    ),
    known: knownConfigIn(paths.stateDir),
    watchdog: keeperWatchdog(keeperOf(paths), revertCommand(paths)),
    sshConnection: () => readSshConnection(given.environment),
    answeredElsewhere: async (connection, tunnels) =>
      (await import("../host/linux/nft/observe/answered-elsewhere.ts")).answeredElsewhereNow(connection, tunnels),
    sshBeganMs: () => sshServerStartMs(process.ppid),
    realPaths,
    expectEngines: async (tunnels) => {
      const { expectEngines } = await import("../host/linux/engines/expect-engines.ts");
      await expectEngines(keeperOf(paths), tunnels);
    },
    inotifyUsage: async () =>
      (await import("../host/linux/processes/inotify-limit.ts")).readInotifyUsage(readServiceUser().uid),
    inspection: async () => (await import("../host/linux/inspect/linux-inspection.ts")).linuxInspection(),
    processes: async () =>
      (await import("../host/linux/processes/linux-processes.ts")).linuxProcesses({ nowMs: () => performance.now() }),
    close: async () => {},
  };
}

function keeperOf({ runDir }: Pick<Paths, "runDir">): KeeperClient {
  return keeperClient(keeperPaths(runDir, readNamespaceInode()), keeperCommand(runDir));
}

function keeperCommand(runDir: string): readonly string[] {
  return [...thisProgram(), "keeper", "--run-dir", runDir];
}
