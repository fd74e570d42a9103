import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../model/error.ts";
import type { KeeperPaths, KeeperStatus } from "../../model/keeper-protocol.ts";
import { printableLine } from "../../model/text/printable.ts";
import { writeLog } from "../../native/write-log.ts";
import { boundEngineLogs } from "../engines/engine-logs.ts";
import type { KeeperFolder } from "./keeper-folder.ts";
import { type Answerer, type KeeperServer, type PeerUid, serveKeeper, Turns } from "./keeper-server.ts";

const IDLE_MS = 5000;
const LOOK_MS = 250;
/** After a look that failed: a folder that cannot be made must not cost the host a processor. */
const LOOK_AGAIN_MS = 1000;

/** A keeper, as the process that runs it uses it. */
export interface LivingKeeper {
  readonly holdsNothing: boolean;
  /** The engines with logs in the keeper's folder. */
  readonly enginePids?: readonly number[];
  answer(...request: Parameters<Answerer>): Promise<KeeperStatus>;
  /** Writes the records for the next keeper again, if they were removed. */
  keepRecords(): void;
  /** Adopts what another keeper of this folder released since this one started. */
  adoptRest(): void;
}

/** How long a keeper runs. */
export interface KeeperLife {
  /** It stays without holding anything. */
  readonly isService: boolean;
  /** Ends it from outside, as a signal does. */
  readonly ended?: AbortSignal;
  readonly peerUid?: PeerUid;
}

/**
 * Serves the keeper's socket until it is stopped, or has held nothing for 5 s. Creates a removed folder, lock or socket
 * again. If another keeper has taken the place, it ends so that the other can adopt everything.
 */
export async function serveUntilDone(
  keeper: LivingKeeper,
  folder: KeeperFolder,
  { isService, ended, peerUid }: KeeperLife,
): Promise<void> {
  const { paths } = folder;
  let isStopRequested = false;
  let idleSinceMs = performance.now();
  const answer: Answerer = async (request, secrets) => {
    const status = await keeper.answer(request, secrets);
    idleSinceMs = performance.now();
    if (request.request === "stop") isStopRequested = true;
    return status;
  };
  const turns = new Turns();
  let place = await openPlace(paths, answer, peerUid, turns);
  using _logs = boundEngineLogs(paths.folder, () => keeper.enginePids ?? []);
  const isDone = (): boolean => isStopRequested || ended?.aborted === true;
  const isIdle = (): boolean => !isService && performance.now() - idleSinceMs >= IDLE_MS;
  let reported = "";
  while (!isDone() && !isIdle()) {
    await sleep(reported === "" ? LOOK_MS : LOOK_AGAIN_MS);
    try {
      if (!folder.take()) {
        reportToLog(`another keeper has taken ${paths.folder}: it adopts what this one holds`);
        keeper.keepRecords();
        break;
      }
      if (!place.exists()) {
        reportToLog(`${paths.socket} was removed; creating it again`);
        keeper.keepRecords();
        void place.server.close();
        place = await openPlace(paths, answer, peerUid, turns);
      }
      keeper.adoptRest();
      reported = "";
    } catch (error) {
      const text = `the keeper's folder: ${messageOf(error)}`;
      if (text !== reported) reportToLog(text);
      reported = text;
    }
    if (!keeper.holdsNothing || place.server.clients > 0) idleSinceMs = performance.now();
  }
  if (place.exists()) rmSync(paths.socket, { force: true });
  await place.server.close();
}

interface Place {
  readonly server: KeeperServer;
  /** Whether the socket's file is still the one this keeper created. */
  exists(): boolean;
}

/**
 * Listens on a draft path, which is renamed: Node later removes the path on which it listened, whoever owns it then
 * (uv__pipe_close of libuv). The draft is not longer than the final path: a pid has at most five digits in base
 * 36.
 */
async function openPlace(
  paths: KeeperPaths,
  answer: Answerer,
  peerUid: PeerUid | undefined,
  turns: Turns,
): Promise<Place> {
  const first = join(paths.folder, `_${process.pid.toString(36)}`);
  rmSync(first, { force: true });
  const server = await serveKeeper(first, answer, peerUid, turns);
  chmodSync(first, 0o600);
  const { ino } = statSync(first);
  renameSync(first, paths.socket);
  return { server, exists: () => statSync(paths.socket, { throwIfNoEntry: false })?.ino === ino };
}

/** Turns the signals that end a process into an AbortSignal; a defect in one request does not end the keeper. */
export function endOnSignals(): AbortSignal {
  const end = new AbortController();
  process.on("SIGHUP", () => {});
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  // A defect in one request must not end the keeper: what it holds is more important.
  process.on("uncaughtException", (error) => reportToLog(`unexpected: ${messageOf(error)}`));
  return end.signal;
}

/** One line of the keeper's log, which is its standard error. */
export function reportToLog(line: string): void {
  writeLog(`${new Date().toISOString()} ${printableLine(line)}\n`);
}
