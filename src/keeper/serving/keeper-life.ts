import { chmodSync, mkdirSync, openSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../model/error.ts";
import type { KeeperPaths, KeeperStatus } from "../../model/keeper-protocol.ts";
import { printableLine } from "../../model/text/printable.ts";
import { tryLockFile } from "../../native/linux/process/file-lock.ffi.ts";
import { writeLog } from "../../native/write-log.ts";
import { boundEngineLogs } from "../engine-logs.ts";
import { type Answerer, type PeerUid, serveKeeper } from "./keeper-server.ts";

const IDLE_MS = 5000;
const LOOK_MS = 250;
const LOCK_LOOK_MS = 1000;

/** What a keeper is to the process that runs it. */
export interface LivingKeeper {
  readonly holdsNothing: boolean;
  answer(...request: Parameters<Answerer>): Promise<KeeperStatus>;
}

/** How long, and for whom, a keeper lives. */
export interface KeeperLife {
  /** It stays though it holds nothing. */
  readonly isService: boolean;
  /** Ends it from outside, as a signal does. */
  readonly ended?: AbortSignal;
  readonly peerUid?: PeerUid;
}

/**
 * Makes the keeper's folder and takes its lock, of which there is one for each keeper; a service waits for another to end.
 * False where another lives.
 */
export async function takeKeeperFolder(
  paths: KeeperPaths,
  { isService }: Pick<KeeperLife, "isService">,
): Promise<boolean> {
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  chmodSync(paths.folder, 0o700);
  const lock = openSync(paths.lock, "w", 0o600);
  while (!tryLockFile(lock)) {
    if (!isService) return false;
    await sleep(LOCK_LOOK_MS);
  }
  return true;
}

/** Answers on the keeper's socket until it is told to stop, or has held nothing for 5 s. */
export async function serveUntilDone(
  keeper: LivingKeeper,
  paths: KeeperPaths,
  { isService, ended, peerUid }: KeeperLife,
): Promise<void> {
  let isStopAsked = false;
  let idleSinceMs = performance.now();
  rmSync(paths.socket, { force: true });
  const answer: Answerer = async (request, secrets) => {
    const status = await keeper.answer(request, secrets);
    idleSinceMs = performance.now();
    if (request.request === "stop") isStopAsked = true;
    return status;
  };
  const server = await serveKeeper(paths.socket, answer, peerUid);
  chmodSync(paths.socket, 0o600);
  using _logs = boundEngineLogs(paths.folder);
  const isDone = (): boolean => isStopAsked || ended?.aborted === true;
  const isIdle = (): boolean => !isService && performance.now() - idleSinceMs >= IDLE_MS;
  while (!isDone() && !isIdle()) {
    await sleep(LOOK_MS);
    if (!keeper.holdsNothing || server.clients > 0) idleSinceMs = performance.now();
  }
  await server.close();
}

/** Turns the signals that end a process into an AbortSignal; a defect in one request does not end the keeper. */
export function endOnSignals(): AbortSignal {
  const end = new AbortController();
  process.on("SIGHUP", () => {});
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  // What it holds matters more than a defect in one request: it must not die of one.
  process.on("uncaughtException", (error) => reportToLog(`unexpected: ${messageOf(error)}`));
  return end.signal;
}

/** One line of the keeper's log, which is its standard error. */
export function reportToLog(line: string): void {
  writeLog(`${new Date().toISOString()} ${printableLine(line)}\n`);
}
