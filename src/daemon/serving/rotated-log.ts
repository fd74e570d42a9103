import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { AwgError, messageOf } from "../../model/error.ts";

/** A file of this size is renamed, and a new one begun. */
const FULL_BYTES = 4 * 1024 * 1024;
/** Files that are kept beside the one in use: PATH.1 is the latest. */
const KEPT = 3;

/** A log file that stays small, for a daemon without a service manager that collects its output. */
export class RotatedLog implements Disposable {
  readonly #path: string;
  readonly #fullBytes: number;
  #fd: number;
  #bytes: number;

  /** @throws AwgError("host") if the file cannot be opened, or is a link */
  constructor(path: string, fullBytes = FULL_BYTES) {
    this.#path = path;
    this.#fullBytes = fullBytes;
    this.#fd = openLog(path);
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Adds a line. A full disk loses it: a log keeps no daemon from its work. */
  write(line: string): void {
    try {
      if (this.#bytes >= this.#fullBytes) this.#rotate();
      this.#bytes += writeSync(this.#fd, `${line}\n`);
    } catch {
      // The next line is tried again.
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    for (let number = KEPT; number > 0; number -= 1) {
      renameIfThere(number === 1 ? this.#path : `${this.#path}.${number - 1}`, `${this.#path}.${number}`);
    }
    const next = openLog(this.#path);
    closeSync(this.#fd);
    this.#fd = next;
    this.#bytes = 0;
  }
}

function openLog(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw new AwgError("host", `the log ${path} cannot be opened: ${messageOf(cause)}`, { cause });
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
