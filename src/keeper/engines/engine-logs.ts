import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { refuseLinkedFolder } from "../own-folder.ts";

/** The folder is in memory, and new tunnel names keep appearing. */
const KEPT_LOGS = 16;
/** Limits the memory used by an engine that logs an error per packet. */
const LARGEST_BYTES = 1024 * 1024;
const KEPT_BYTES = 256 * 1024;
const LOOK_MS = 10_000;
const LOG_NAME = /^engine-(.+)\.log$/;

/**
 * Removes the logs of missing devices' engines except the latest ones: why an engine failed must be readable after its
 * device was rolled back.
 *
 * @param isThere whether a device, by the name in its log's name, exists
 */
export function pruneEngineLogs(folder: string, isThere: (device: string) => boolean): void {
  const logs = readdirSync(folder).flatMap((name) => {
    const device = LOG_NAME.exec(name)?.[1];
    const stats = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
    return device === undefined || stats === undefined ? [] : [{ name, device, writtenMs: stats.mtimeMs }];
  });
  if (logs.length <= KEPT_LOGS) return;
  const newestFirst = logs.toSorted((a, b) => b.writtenMs - a.writtenMs);
  for (const { name, device } of newestFirst.slice(KEPT_LOGS)) {
    if (!isThere(device)) rmSync(`${folder}/${name}`, { force: true });
  }
}

/**
 * Opens an empty log for a starting engine, in append mode, so that it may be truncated meanwhile.
 *
 * @returns a descriptor that the caller closes
 */
export function openEngineLog(path: string): number {
  refuseLinkedFolder(dirname(path));
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0o600);
}

/**
 * Checks the size of the engines' logs every ten seconds, until disposed.
 *
 * @param pids of the engines, whose logs may have been removed with the folder
 */
export function boundEngineLogs(folder: string, pids: () => readonly number[]): Disposable {
  const whole = realpathSync(folder);
  const look = (): void => {
    for (const pid of pids()) shortenRemovedLog(whole, pid);
    shortenEngineLogs(folder);
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Shortens each engine log of more than 1 MiB to its last 256 KiB, from the start of a line. */
export function shortenEngineLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const size = LOG_NAME.test(name) ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0;
    if (size > LARGEST_BYTES) shorten(path, size);
  }
}

/**
 * The same for a removed log: the engine keeps writing, and only its own descriptor leads there.
 *
 * @param folder the path without links, as the kernel shows it
 */
export function shortenRemovedLog(folder: string, pid: number): void {
  const log = `/proc/${pid}/fd/1`;
  try {
    const target = readlinkSync(log);
    // fs/d_path.c appends this to removed files.
    const name =
      target.startsWith(`${folder}/`) && / \(deleted\)$/.test(target) ? target.slice(folder.length + 1, -10) : "";
    const { size } = statSync(log);
    if (LOG_NAME.test(name) && size > LARGEST_BYTES) shorten(log, size);
  } catch {
    // The engine ended, may not be inspected, or there is no /proc.
  }
}

function shorten(path: string, size: number): void {
  const log = openSync(path, constants.O_RDWR | constants.O_APPEND);
  try {
    const end = Buffer.alloc(KEPT_BYTES);
    const kept = end.subarray(0, readSync(log, end, 0, KEPT_BYTES, size - KEPT_BYTES));
    ftruncateSync(log);
    writeSync(log, `earlier lines were removed: the log had ${size} bytes\n`);
    writeSync(log, kept, kept.indexOf("\n") + 1);
  } finally {
    closeSync(log);
  }
}
