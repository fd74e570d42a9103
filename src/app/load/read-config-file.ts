import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { outOfOpenFiles } from "../../model/write-error.ts";
import { readAtMost } from "../../state/bounded-read.ts";
import type { SourceFile } from "./loaded-config.ts";
import { textOf } from "./utf8-text.ts";

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads a configuration file. It is opened once and the open file is checked, so no program can exchange it in between.
 * Accepts a regular file of bounded size: no device, and no pipe that blocks. The bound also holds for a file that
 * reports size 0 and has content, as in /proc.
 *
 * @throws AwgError config or permission
 */
export function readRegularFile(path: string): SourceFile {
  const descriptor = openForReading(path);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile())
      throw new AwgError("config", `${path} is not a regular file`, { remedy: "use - to read standard input" });
    const bytes = status.size > MAX_FILE_BYTES ? undefined : readBounded(path, descriptor);
    const { uid, gid } = status;
    if (bytes !== undefined) return { name: path, text: textOf(bytes), mode: status.mode & 0o7777, uid, gid };
    throw new AwgError("config", `${path} has more than the ${MAX_FILE_BYTES} bytes that a config may have`, {
      remedy: "split it with include, or check that it is a config at all",
    });
  } finally {
    closeSync(descriptor);
  }
}

function readBounded(path: string, descriptor: number): Buffer | undefined {
  try {
    return readAtMost(descriptor, MAX_FILE_BYTES);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * The error for a file that could not be opened or read: AwgError permission without the rights, host with too many
 * open files, config for all else.
 */
export function unreadable(path: string, cause: unknown): AwgError {
  const exhausted = outOfOpenFiles(path, cause);
  if (exhausted !== undefined) return exhausted;
  const { code } = cause as NodeJS.ErrnoException;
  const denied = code === "EACCES" || code === "EPERM";
  const remedy = denied ? "run as root, or make the file readable" : "check the path";
  return new AwgError(denied ? "permission" : "config", `cannot read ${path} (${code})`, { cause, remedy });
}
