import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AwgError, messageOf } from "../model/error.ts";
import { outOfOpenFiles, writeError } from "../model/write-error.ts";

const MAX_FILE_BYTES = 256 * 1024 * 1024;
const OTHERS = 0o077;

/** Marks errors about files that are not private, beside `damaged` and `newer`. */
const UNTRUSTED = { state: "untrusted" } as const;

/**
 * A folder of ours, mode 0700, with files of mode 0600. It is trusted only if no other user could have written it: no
 * symlink, our owner, no permissions for others. Reading creates nothing; the first write creates the folder.
 */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Path of a file in the folder, for messages and for opening. */
  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** Contents of a file; undefined when the file or the folder is absent. AwgError permission when it is not private. */
  read(name: string): Uint8Array | undefined {
    if (!this.#isThere()) return undefined;
    const path = this.pathOf(name);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw unreadable(path, error);
    }
    try {
      const status = fstatSync(fd);
      demandPrivate(path, status, status.isFile(), "a regular file");
      if (status.size > MAX_FILE_BYTES)
        throw new AwgError("journal", `${path} has ${status.size} bytes, which awg never writes`, { facts: UNTRUSTED });
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Replaces a file whole: after a crash at any point it is the old or the new one. Durable on return. */
  replace(name: string, bytes: Uint8Array): void {
    this.make();
    const path = this.pathOf(name);
    const draft = join(dirname(path), `.${basename(path)}.new`);
    try {
      removeIfThere(draft);
      const fd = openSync(
        draft,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        0o600,
      );
      try {
        writeWhole(fd, bytes);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(draft, path);
      syncFolder(dirname(path));
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Removes a file; absent is success. Durable on return. */
  remove(name: string): void {
    if (!this.#isThere()) return;
    const path = this.pathOf(name);
    if (removeIfThere(path)) syncFolder(dirname(path));
  }

  /** Renames a file to NAME.1, that one to NAME.2, and so on up to `kept`, which replaces the oldest. */
  rotate(name: string, kept: number): void {
    for (let number = kept; number > 0; number -= 1) {
      const older = number === 1 ? name : `${name}.${number - 1}`;
      try {
        renameSync(this.pathOf(older), this.pathOf(`${name}.${number}`));
      } catch (error) {
        if (!isCode(error, "ENOENT")) throw writeError(this.pathOf(older), error);
      }
    }
  }

  /** Names of the entries, sorted; [] when the folder is absent. */
  list(): readonly string[] {
    try {
      return this.#isThere() ? readdirSync(this.path).sort() : [];
    } catch (error) {
      throw outOfOpenFiles(this.path, error) ?? refusedFor(this.path, error) ?? error;
    }
  }

  /**
   * Creates the folder, private, and its missing parents, which may include a system folder. Refuses an existing folder
   * that is not private.
   */
  make(): void {
    if (this.#isThere()) return;
    try {
      const path = resolve(this.path);
      const highest = resolve(mkdirSync(path, { recursive: true, mode: 0o700 }) ?? path);
      // A name is durable after its folder is synced; sync the parent of each created folder.
      for (let made = path; made.length >= highest.length && made !== "/"; made = dirname(made)) {
        syncFolder(dirname(made));
      }
    } catch (cause) {
      throw new AwgError("permission", `the state folder ${this.path} could not be created: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  #isThere(): boolean {
    let status: Stats;
    try {
      status = lstatSync(this.path);
    } catch (error) {
      if (isCode(error, "ENOENT")) return false;
      throw unreadable(this.path, error);
    }
    demandPrivate(this.path, status, status.isDirectory(), "a folder");
    return true;
  }
}

/**
 * Opens a file of the folder for appending, and creates it private; the caller closes it. `made`: whether it is new.
 */
export function openForAppend(path: string): { readonly fd: number; readonly made: boolean } {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return { fd: openSync(path, flags), made: false };
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw unreadable(path, error);
  }
  const fd = openSync(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600);
  fchmodSync(fd, 0o600);
  syncFolder(dirname(path));
  return { fd, made: true };
}

/** Writes all bytes, in as many calls as needed. */
export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

/** Makes the names in a folder durable (fsync). */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether an error of the file system has this code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function removeIfThere(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}

function demandPrivate(path: string, status: Stats, isExpected: boolean, what: string): void {
  const fix = (problem: string, remedy: string): AwgError =>
    new AwgError("journal", `${path} ${problem}, so its contents cannot be trusted`, {
      facts: { path, ...UNTRUSTED },
      remedy,
    });
  if (!isExpected) throw fix(`is not ${what}`, "move it away");
  const uid = process.geteuid?.();
  if (uid !== undefined && status.uid !== uid && status.uid !== 0)
    throw fix(`belongs to uid ${status.uid}`, "move it away");
  if ((status.mode & OTHERS) !== 0) {
    const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
    throw fix(`is open to others (mode ${mode})`, `check its contents and run chmod go= ${path}`);
  }
}

function unreadable(path: string, cause: unknown): AwgError {
  const exhausted = outOfOpenFiles(path, cause);
  if (exhausted !== undefined) return exhausted;
  const refused = refusedFor(path, cause);
  if (refused !== undefined) return refused;
  const isLink = isCode(cause, "ELOOP");
  const why = isLink ? "it is a symbolic link" : messageOf(cause);
  const remedy = isLink ? "move it away" : `check ${path}; awg expects a private file there`;
  const facts = { path, ...UNTRUSTED };
  return new AwgError("journal", `${path} could not be opened: ${why}`, { cause, facts, remedy });
}

/** The error for a reader without the rights; undefined for any other error. If root is refused, the file is at fault. */
function refusedFor(path: string, cause: unknown): AwgError | undefined {
  if (process.geteuid?.() === 0 || (!isCode(cause, "EACCES") && !isCode(cause, "EPERM"))) return undefined;
  return new AwgError("permission", `${path} belongs to another user, and this one may not read it`, {
    cause,
    facts: { path },
    remedy: "run the command with sudo",
  });
}
