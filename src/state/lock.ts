import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError, messageOf } from "../model/error.ts";
import { wakingOf } from "../model/text/waking.ts";
import { outOfOpenFiles } from "../model/write-error.ts";
import { tryLockFile } from "../native/linux/process/file-lock.ffi.ts";
import { readProcessState } from "../native/linux/process/process-state.ts";
import { isCode, StateFolder } from "./state-folder.ts";

const MAX_HOLDER_BYTES = 512;

/** Attempts: a moment passes between taking the lock and writing the holder, and between clearing it and releasing. */
const HOLDER_LOOKS = 100;
const HOLDER_LOOK_MS = 10;

/** The holder, as written in the lock file. */
export interface LockHolder {
  readonly pid: number;
  /** The verb that runs. */
  readonly verb: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** The current holder, as seen by other processes. */
export interface LockingProcess {
  /** 0 where another pid namespace hides it. */
  readonly pid: number;
  /** The running verb, where the lock file has it. */
  readonly verb?: string;
  /** A signal stopped it: it holds the lock until it is resumed or ended. */
  readonly isStopped?: true;
}

/**
 * Takes the lock that every changing verb holds, without waiting. It is an flock, so the kernel releases it when the
 * holder dies. A missing folder is created private; an existing one may be the system's (/var/run of macOS, writable by
 * root's group) if the file itself is ours. AwgError locked, naming the holder, when another process has it.
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
      // A process that only tests the lock (lock-holder.ts) holds it for less than that, while the file has a killed
      // holder's name.
      if ((other !== undefined && look > 1) || look === HOLDER_LOOKS) throw lockedBy(other, path);
    } finally {
      if (!isOurs) closeSync(fd);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLDER_LOOK_MS);
  }
}

/** The opened file may have been removed, and another process may hold the file now at its path. */
function isStillAt(path: string, fd: number): boolean {
  const [ours, found] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return found?.ino === ours.ino && found.dev === ours.dev;
}

/** The name is informative only: a full disk must not prevent locking. */
function introduce(fd: number, holder: LockHolder): void {
  ftruncateSync(fd, 0);
  try {
    writeSync(fd, JSON.stringify(holder), 0);
  } catch (error) {
    if (!isCode(error, "ENOSPC") && !isCode(error, "EDQUOT")) throw error;
  }
}

/** Whether a folder belongs to root (or to us) and is not world-writable. */
function isSystemFolder(folder: string): boolean {
  const status = lstatSync(folder, { throwIfNoEntry: false });
  return status !== undefined && isTrusted(status.uid) && status.isDirectory() && (status.mode & 0o002) === 0;
}

function openLock(path: string): number {
  const folder = dirname(path);
  if (!isSystemFolder(folder)) new StateFolder(folder).make();
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
  throw new AwgError("permission", `the lock file ${path} is not exclusively awg's, so another program could hold it`, {
    facts: { path },
    remedy: "move it away",
  });
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/** The holder's entry; undefined when it is not written yet, or unreadable. */
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

/** Describes the holding process; only Linux reports whether a signal stopped it. */
export function lockingProcess({ pid, verb }: Omit<LockingProcess, "isStopped">): LockingProcess {
  const isStopped = pid > 0 && readProcessState(pid) === "T";
  return { pid, ...(verb === undefined ? {} : { verb }), ...(isStopped ? { isStopped } : {}) };
}

/** The error when another process holds the lock: AwgError locked. */
export function lockedBy(holder: (Pick<LockHolder, "pid"> & Partial<LockHolder>) | undefined, path: string): AwgError {
  const { verb } = holder ?? {};
  // Its process is in another pid namespace.
  const pid = holder?.pid === 0 ? undefined : holder?.pid;
  const who = `${verb === undefined ? "another awg" : `awg ${verb}`}${pid === undefined ? "" : ` (process ${pid})`}`;
  const facts = { lock: path, ...(pid === undefined ? {} : { pid }), ...(verb === undefined ? {} : { verb }) };
  if (pid !== undefined && lockingProcess({ pid }).isStopped) {
    const message = `${who} is changing this host, and a signal stopped it (SIGSTOP, Ctrl-Z)`;
    return new AwgError("locked", message, { facts: { ...facts, stopped: true }, remedy: wakingOf(pid) });
  }
  return new AwgError("locked", `${who} is changing this host now`, {
    facts,
    remedy: "wait until it has ended, then try again",
  });
}
