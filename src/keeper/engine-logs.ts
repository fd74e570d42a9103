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

/** The folder is in memory, and tunnels come and go under ever new names. */
const KEPT_LOGS = 16;
/** A program that is attacked, or fails at every packet, must not fill the memory with saying so. */
const LARGEST_BYTES = 1024 * 1024;
const KEPT_BYTES = 256 * 1024;
const LOOK_MS = 10_000;
const LOG_NAME = /^engine-(.+)\.log$/;

/**
 * Removes what engines of devices that are gone have said, but for the last of them: why an engine failed must be readable
 * after its device was taken back.
 *
 * @param isThere whether a device, by the name that its log bears, is still held
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
 * Opens the log of an engine that begins, empty. What it writes goes to the end whoever shortens the log meanwhile.
 *
 * @returns a descriptor, the caller's to close
 */
export function openEngineLog(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND, 0o600);
}

/**
 * Looks every ten seconds how long the engines' logs have become, until it is disposed of.
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

/** Cuts each engine's log that has grown beyond 1 MiB down to its last 256 KiB, from a line's beginning on. */
export function shortenEngineLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const size = LOG_NAME.test(name) ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0;
    if (size > LARGEST_BYTES) shorten(path, size);
  }
}

/**
 * The same for the log of an engine that somebody removed: the engine writes on, and only its own descriptor leads there.
 *
 * @param folder named without links, as the kernel names it
 */
export function shortenRemovedLog(folder: string, pid: number): void {
  const log = `/proc/${pid}/fd/1`;
  try {
    const target = readlinkSync(log);
    // fs/d_path.c marks so what is gone.
    const name =
      target.startsWith(`${folder}/`) && / \(deleted\)$/.test(target) ? target.slice(folder.length + 1, -10) : "";
    const { size } = statSync(log);
    if (LOG_NAME.test(name) && size > LARGEST_BYTES) shorten(log, size);
  } catch {
    // The engine ended, or may not be looked into, or there is no /proc.
  }
}

function shorten(path: string, size: number): void {
  const log = openSync(path, constants.O_RDWR | constants.O_APPEND);
  try {
    const end = Buffer.alloc(KEPT_BYTES);
    const kept = end.subarray(0, readSync(log, end, 0, KEPT_BYTES, size - KEPT_BYTES));
    ftruncateSync(log);
    writeSync(log, `what was said before is left out: the log had ${size} bytes\n`);
    writeSync(log, kept, kept.indexOf("\n") + 1);
  } finally {
    closeSync(log);
  }
}
