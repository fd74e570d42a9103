import { chmodSync, mkdirSync, openSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AwgError, messageOf } from "../model/error.ts";
import { type KeeperPaths, keeperPaths } from "../model/keeper-protocol.ts";
import { printableLine } from "../model/text/printable.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";
import { tryLockFile } from "../native/linux/process/file-lock.ffi.ts";
import { boundEngineLogs } from "./engine-logs.ts";
import { Keeper } from "./keeper.ts";
import { type KeeperServer, serveKeeper } from "./keeper-server.ts";
import { joinOwnCgroup } from "./own-cgroup.ts";
import { namespaceInodeOf } from "./process-identity.ts";

/** One for the keepers of all network namespaces, so that one which is killed leaves no folder behind that nobody uses. */
const CGROUP = "awg-keeper";
const IDLE_MS = 5000;
const LOOK_MS = 250;
const LOCK_LOOK_MS = 1000;

/**
 * The keeper's life: one per network namespace and run folder, until it is told to stop or has held nothing for 5 s.
 * A second one ends at once. As a service it stays though it holds nothing, waits for another one to end, and keeps the
 * cgroup that its supervisor put it in. Its end by signal changes nothing on the machine: devices persist, engines and tables
 * stay, and the next keeper takes them over.
 *
 * @param runDir the run folder, 0700 and root's
 */
export async function runKeeper(runDir: string, { isService = false } = {}): Promise<void> {
  const inode = namespaceInodeOf("self");
  if (inode === undefined)
    throw new AwgError("host", "the keeper cannot tell its network namespace: is /proc mounted?");
  process.umask(0o077);
  process.chdir("/");
  forbidDumps();
  const paths = keeperPaths(runDir, inode);
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  chmodSync(paths.folder, 0o700);
  const lock = openSync(paths.lock, "w", 0o600);
  if (!(await takeLock(lock, isService))) return;
  using _cgroup = isService ? undefined : joinOwnCgroup(CGROUP);
  await serveUntilDone(paths, isService ? Number.POSITIVE_INFINITY : IDLE_MS);
}

async function takeLock(lock: number, waits: boolean): Promise<boolean> {
  while (!tryLockFile(lock)) {
    if (!waits) return false;
    await sleep(LOCK_LOOK_MS);
  }
  return true;
}

async function serveUntilDone(paths: KeeperPaths, longestIdleMs: number): Promise<void> {
  const report = (line: string) => process.stderr.write(`${new Date().toISOString()} ${printableLine(line)}\n`);
  const keeper = new Keeper({ folder: paths.folder, report });
  const life: Life = { endAsked: false, idleSinceMs: performance.now() };
  endOnSignals(life, report);
  await keeper.adopt();
  rmSync(paths.socket, { force: true });
  const server = await serveKeeper(paths.socket, async (request, secrets) => {
    const status = await keeper.answer(request, secrets);
    life.idleSinceMs = performance.now();
    if (request.request === "stop") life.endAsked = true;
    return status;
  });
  chmodSync(paths.socket, 0o600);
  using _logs = boundEngineLogs(paths.folder);
  await untilIdle(keeper, server, life, longestIdleMs);
  await server.close();
  keeper.release();
}

interface Life {
  endAsked: boolean;
  /** When it was last asked something or held something. */
  idleSinceMs: number;
}

function endOnSignals(life: Life, report: (line: string) => void): void {
  process.on("SIGHUP", () => {});
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      life.endAsked = true;
    });
  }
  // What it holds matters more than a defect in one request: it must not die of one.
  process.on("uncaughtException", (error) => report(`unexpected: ${messageOf(error)}`));
}

async function untilIdle(keeper: Keeper, server: KeeperServer, life: Life, longestIdleMs: number): Promise<void> {
  while (!life.endAsked && performance.now() - life.idleSinceMs < longestIdleMs) {
    await sleep(LOOK_MS);
    if (!keeper.holdsNothing || server.clients > 0) life.idleSinceMs = performance.now();
  }
}
