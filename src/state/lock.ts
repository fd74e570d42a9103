import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError, messageOf } from "../model/error.ts";
import { wakingOf } from "../model/text/waking.ts";
import { outOfOpenFiles } from "../model/write-error.ts";
import { tryLockFile } from "../native/linux/process/file-lock.ffi.ts";
import { readProcessState } from "../native/linux/process/process-state.ts";
import { isCode, StateFolder } from "./state-folder.ts";

const MAX_HOLDER_BYTES = 512;

/** Between taking the lock and writing who did, and between wiping that and letting go, lie moments: so often is looked. */
const HOLDER_LOOKS = 100;
const HOLDER_LOOK_MS = 10;

/** Who holds the lock, as it stands in the lock file. */
export interface LockHolder {
  readonly pid: number;
  /** The verb that runs. */
  readonly verb: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Who holds the lock now, as others see it. */
export interface LockingProcess {
  /** 0 where another pid namespace hides it. */
  readonly pid: number;
  /** The verb that runs, where the lock's file tells. */
  readonly verb?: string;
  /** A signal stopped it: it holds the lock until somebody wakes or ends it. */
  readonly isStopped?: true;
}

/**
 * Takes the lock that every writing verb holds, without waiting for it: an flock, so that the kernel lets it go when the holder
 * dies. Its folder is made private where it is absent; it may be the machine's own (/var/run of macOS, which daemons of
 * root's group write to), as long as the file itself is ours alone. AwgError locked, naming the holder, when another process
 * has it.
 */
export function takeLock(path: string, holder: LockHolder): Disposable {
  const fd = openLocked(path);
  try {
    introduce(fd, holder);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    [Symbol.dispose]: () => {
      ftruncateSync(fd, 0);
      closeSync(fd);
    },
  };
}

function openLocked(path: string): number {
  for (let look = 1; ; look += 1) {
    const fd = openLock(path);
    let isOurs = false;
    try {
      const isFree = tryLockFile(fd);
      isOurs = isFree && isStillAt(path, fd);
      if (isOurs) return fd;
      const other = isFree ? undefined : readHolder(fd);
      // One that only asks who has the lock (lock-holder.ts) has it for less than that, and a killed one's name in the file.
      if ((other !== undefined && look > 1) || look === HOLDER_LOOKS) throw lockedBy(other, path);
    } finally {
      if (!isOurs) closeSync(fd);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLDER_LOOK_MS);
  }
}

/** Somebody may have removed the file that was opened, and another process hold the one that stands in its place. */
function isStillAt(path: string, fd: number): boolean {
  const [ours, found] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return found?.ino === ours.ino && found.dev === ours.dev;
}

/** The name only helps others to say who it is: a full disk keeps nobody from the lock. */
function introduce(fd: number, holder: LockHolder): void {
  ftruncateSync(fd, 0);
  try {
    writeSync(fd, JSON.stringify(holder), 0);
  } catch (error) {
    if (!isCode(error, "ENOSPC") && !isCode(error, "EDQUOT")) throw error;
  }
}

/** Whether a folder is root's (or ours) and not for everybody to write to. */
function isMachines(folder: string): boolean {
  const status = lstatSync(folder, { throwIfNoEntry: false });
  return status !== undefined && isTrusted(status.uid) && status.isDirectory() && (status.mode & 0o002) === 0;
}

function openLock(path: string): number {
  const folder = dirname(path);
  if (!isMachines(folder)) new StateFolder(folder).make();
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: number;
  try {
    fd = openSync(path, flags, 0o600);
  } catch (cause) {
    const exhausted = outOfOpenFiles(`the lock file ${path}`, cause);
    if (exhausted !== undefined) throw exhausted;
    throw new AwgError("permission", `the lock file ${path} could not be opened: ${messageOf(cause)}`, { cause });
  }
  const status = fstatSync(fd);
  if (status.isFile() && isTrusted(status.uid) && (status.mode & 0o077) === 0) return fd;
  closeSync(fd);
  throw new AwgError("permission", `the lock file ${path} is not awg's alone, so that others could hold it`, {
    facts: { path },
    remedy: "move it away",
  });
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/** What the holder wrote of itself; undefined when it has not yet, or it is not readable as such. */
export function readHolder(fd: number): LockHolder | undefined {
  const bytes = new Uint8Array(Math.min(fstatSync(fd).size, MAX_HOLDER_BYTES));
  readSync(fd, bytes, 0, bytes.length, 0);
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== "object" || value === null) return false;
  const { pid, verb, sinceMs } = value as Partial<Record<keyof LockHolder, unknown>>;
  return (
    Number.isSafeInteger(pid) &&
    typeof verb === "string" &&
    /^[a-z-]{1,32}$/.test(verb) &&
    Number.isSafeInteger(sinceMs)
  );
}

/** A process as it is seen to hold the lock; whether a signal stopped it is known on Linux alone. */
export function lockingProcess({ pid, verb }: Omit<LockingProcess, "isStopped">): LockingProcess {
  const isStopped = pid > 0 && readProcessState(pid) === "T";
  return { pid, ...(verb === undefined ? {} : { verb }), ...(isStopped ? { isStopped } : {}) };
}

/** What is told where another process holds the lock: AwgError locked. */
export function lockedBy(holder: (Pick<LockHolder, "pid"> & Partial<LockHolder>) | undefined, path: string): AwgError {
  const { verb } = holder ?? {};
  // Another pid namespace hides its process.
  const pid = holder?.pid === 0 ? undefined : holder?.pid;
  const who = `${verb === undefined ? "another awg" : `awg ${verb}`}${pid === undefined ? "" : ` (process ${pid})`}`;
  const facts = { lock: path, ...(pid === undefined ? {} : { pid }), ...(verb === undefined ? {} : { verb }) };
  if (pid !== undefined && lockingProcess({ pid }).isStopped) {
    const message = `${who} is changing this machine, and a signal stopped it (SIGSTOP, Ctrl-Z)`;
    return new AwgError("locked", message, { facts: { ...facts, stopped: true }, remedy: wakingOf(pid) });
  }
  return new AwgError("locked", `${who} is changing this machine now`, {
    facts,
    remedy: "wait until it has ended, then try again",
  });
}
