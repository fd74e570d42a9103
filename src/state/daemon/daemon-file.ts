import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { takeLock } from "../lock.ts";
import { lockHolder } from "../lock-holder.ts";
import type { DaemonState } from "./daemon-state.ts";

const MAX_BYTES = 64 * 1024;

/** What the running daemon leaves for `awg status`. */
export interface DaemonRecord extends DaemonState {
  readonly pid: number;
}

/** The place of the one daemon of a host. */
export interface DaemonPlace extends Disposable {
  /** Replaces what other processes read. A full disk is no error: the record is for people only. */
  write(state: DaemonState): void;
}

/**
 * Takes the place until it is disposed, which leaves no file, or this process ends, however that happens.
 *
 * @param path of the files, without their extensions `.lock` and `.json`
 * @throws AwgError locked, naming the process, while another daemon has it
 */
export function takeDaemonPlace(path: string, nowMs: number): DaemonPlace {
  const { pid } = process;
  const lock = takePlace(path, { pid, verb: "daemon", sinceMs: nowMs });
  const file = `${path}.json`;
  const remove = (name: string): void => {
    try {
      rmSync(name, { force: true });
    } catch {
      // A record of a process that does not hold the lock is not read.
    }
  };
  remove(file);
  return {
    write: (state) => {
      const draft = `${file}.new`;
      try {
        remove(draft);
        writeNew(draft, JSON.stringify({ ...state, pid }));
        renameSync(draft, file);
      } catch {
        remove(draft);
      }
    },
    [Symbol.dispose]: () => {
      remove(file);
      // While it is held: a daemon that waits for it finds that it is gone, and makes its own.
      remove(`${path}.lock`);
      lock[Symbol.dispose]();
    },
  };
}

/** The record of the running daemon; undefined without one. A record that a dead daemon left does not count. */
export function readDaemonRecord(path: string): DaemonRecord | undefined {
  const pid = lockHolder(`${path}.lock`)?.pid;
  if (pid === undefined) return undefined;
  try {
    const record = JSON.parse(readBounded(`${path}.json`)) as DaemonRecord;
    return record.pid === pid ? record : { pid };
  } catch {
    return { pid };
  }
}

function takePlace(path: string, holder: Parameters<typeof takeLock>[1]): Disposable {
  try {
    return takeLock(`${path}.lock`, holder);
  } catch (cause) {
    const pid = cause instanceof AwgError && cause.kind === "locked" ? cause.facts["pid"] : undefined;
    if (!(cause instanceof AwgError) || cause.kind !== "locked") throw cause;
    const who = pid === undefined ? "" : ` (process ${pid})`;
    throw new AwgError("locked", `another daemon${who} keeps this host`, {
      cause,
      facts: cause.facts,
      remedy: `stop it first: systemctl stop awg.service${pid === undefined ? "" : `, or kill ${pid}`}`,
    });
  }
}

function writeNew(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

function readBounded(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    const isOurs = status.uid === 0 || status.uid === process.geteuid?.();
    return status.isFile() && isOurs && status.size <= MAX_BYTES ? readFileSync(fd, "utf8") : "";
  } finally {
    closeSync(fd);
  }
}
