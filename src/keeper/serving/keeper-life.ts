import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../model/error.ts";
import type { KeeperPaths, KeeperStatus } from "../../model/keeper-protocol.ts";
import { printableLine } from "../../model/text/printable.ts";
import { writeLog } from "../../native/write-log.ts";
import { boundEngineLogs } from "../engine-logs.ts";
import type { KeeperFolder } from "./keeper-folder.ts";
import { type Answerer, type KeeperServer, type PeerUid, serveKeeper, Turns } from "./keeper-server.ts";

const IDLE_MS = 5000;
const LOOK_MS = 250;

/** What a keeper is to the process that runs it. */
export interface LivingKeeper {
  readonly holdsNothing: boolean;
  /** The processes whose logs stand in the keeper's folder. */
  readonly enginePids?: readonly number[];
  answer(...request: Parameters<Answerer>): Promise<KeeperStatus>;
  /** Writes down in the keeper's folder what the next keeper needs, where somebody removed it. */
  keepRecords(): void;
  /** Takes over what another keeper of this folder has let go of since this one began. */
  takeOverRest(): void;
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
 * Answers on the keeper's socket until it is told to stop, or has held nothing for 5 s. Where folder, lock or socket were
 * removed it makes them anew; where another keeper has taken the place meanwhile, it ends for that one to take over.
 */
export async function serveUntilDone(
  keeper: LivingKeeper,
  folder: KeeperFolder,
  { isService, ended, peerUid }: KeeperLife,
): Promise<void> {
  const { paths } = folder;
  let isStopAsked = false;
  let idleSinceMs = performance.now();
  const answer: Answerer = async (request, secrets) => {
    const status = await keeper.answer(request, secrets);
    idleSinceMs = performance.now();
    if (request.request === "stop") isStopAsked = true;
    return status;
  };
  const turns = new Turns();
  let place = await openPlace(paths, answer, peerUid, turns);
  using _logs = boundEngineLogs(paths.folder, () => keeper.enginePids ?? []);
  const isDone = (): boolean => isStopAsked || ended?.aborted === true;
  const isIdle = (): boolean => !isService && performance.now() - idleSinceMs >= IDLE_MS;
  while (!isDone() && !isIdle()) {
    await sleep(LOOK_MS);
    try {
      if (!folder.take()) {
        reportToLog(`another keeper has taken ${paths.folder}: it takes over what this one holds`);
        keeper.keepRecords();
        break;
      }
      if (!place.stands()) {
        reportToLog(`${paths.socket} was removed: it is made anew`);
        keeper.keepRecords();
        void place.server.close();
        place = await openPlace(paths, answer, peerUid, turns);
      }
      keeper.takeOverRest();
    } catch (error) {
      reportToLog(`the keeper's folder: ${messageOf(error)}`);
    }
    if (!keeper.holdsNothing || place.server.clients > 0) idleSinceMs = performance.now();
  }
  if (place.stands()) rmSync(paths.socket, { force: true });
  await place.server.close();
}

interface Place {
  readonly server: KeeperServer;
  /** Whether the socket's file is still the one that this keeper made. */
  stands(): boolean;
}

/**
 * Node removes the name that it listened by, whoever has it then (uv__pipe_close of libuv): so the socket gets its own later. The
 * first is no longer than that: a pid has at most five digits to the base of 36.
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
  return { server, stands: () => statSync(paths.socket, { throwIfNoEntry: false })?.ino === ino };
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
