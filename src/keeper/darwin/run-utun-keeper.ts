import { chmodSync, mkdirSync, openSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../model/error.ts";
import { keeperPaths } from "../../model/keeper-protocol.ts";
import { printableLine } from "../../model/text/printable.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { readPeerUid } from "../../native/darwin/peer-credentials.ts";
import { tryLockFile } from "../../native/linux/process/file-lock.ffi.ts";
import { boundEngineLogs } from "../engine-logs.ts";
import { type Answerer, type PeerUid, serveKeeper } from "../keeper-server.ts";
import type { LaunchEngine } from "./engine-launch.ts";
import { UtunKeeper } from "./utun-keeper.ts";

const IDLE_MS = 5000;
const LOOK_MS = 250;
const LOCK_LOOK_MS = 1000;
/** macOS has no network namespaces: one keeper for each run folder, where Linux has the namespace's inode. */
const ONLY_NAMESPACE = 0;

/** How a keeper on a Mac is run. */
export interface UtunKeeperRun {
  readonly system: LibSystem;
  /** The run folder, 0700 and root's. */
  readonly runDir: string;
  /** Where the names of tunnels' interfaces are written. */
  readonly nameFolder: string;
  /** As a LaunchDaemon it stays though it holds nothing, and waits for another keeper to end. */
  readonly isService?: boolean;
  /** Ends it from outside, as a signal does. */
  readonly ended?: AbortSignal;
  readonly report?: (line: string) => void;
  readonly peerUid?: PeerUid;
  /** How engines are started, and the folder that stands for /; the installed programs and / unless given. */
  readonly launch?: LaunchEngine;
  readonly root?: string;
}

/** The keeper's life on a Mac: until it is told to stop, or has held nothing for 5 s. A second one ends at once. */
export async function runUtunKeeper(run: UtunKeeperRun): Promise<void> {
  const { system, runDir, nameFolder, isService = false, peerUid = (fd) => readPeerUid(system, fd) } = run;
  const paths = keeperPaths(runDir, ONLY_NAMESPACE);
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  chmodSync(paths.folder, 0o700);
  const lock = openSync(paths.lock, "w", 0o600);
  while (!tryLockFile(lock)) {
    if (!isService) return;
    await sleep(LOCK_LOOK_MS);
  }
  const report = run.report ?? reportToLog;
  const keeper = new UtunKeeper({
    system,
    folder: paths.folder,
    nameFolder,
    report,
    ...(run.launch === undefined ? {} : { launch: run.launch }),
    ...(run.root === undefined ? {} : { root: run.root }),
  });
  const life = { endAsked: false, idleSinceMs: performance.now() };
  run.ended?.addEventListener("abort", () => {
    life.endAsked = true;
  });
  keeper.adopt();
  rmSync(paths.socket, { force: true });
  const answer: Answerer = async (request, secrets) => {
    const status = await keeper.answer(request, secrets);
    life.idleSinceMs = performance.now();
    if (request.request === "stop") life.endAsked = true;
    return status;
  };
  const server = await serveKeeper(paths.socket, answer, peerUid);
  chmodSync(paths.socket, 0o600);
  using _logs = boundEngineLogs(paths.folder);
  const longestIdleMs = isService ? Number.POSITIVE_INFINITY : IDLE_MS;
  while (!life.endAsked && performance.now() - life.idleSinceMs < longestIdleMs) {
    await sleep(LOOK_MS);
    if (!keeper.holdsNothing || server.clients > 0) life.idleSinceMs = performance.now();
  }
  await server.close();
  await keeper.release();
}

/** Turns the signals that end a process into an AbortSignal; a defect in one request does not end the keeper. */
export function endOnSignals(): AbortSignal {
  const end = new AbortController();
  process.on("SIGHUP", () => {});
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  process.on("uncaughtException", (error) => reportToLog(`unexpected: ${messageOf(error)}`));
  return end.signal;
}

function reportToLog(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${printableLine(line)}\n`);
}
