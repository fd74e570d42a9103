import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { shellWord } from "../../../app/doctor/finding.ts";
import { AwgError } from "../../../model/error.ts";

/** A file that is to be made, for its owner alone. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Creates all files with mode 0600, or none. It never replaces or follows an existing file. After a failure it removes
 * the files that it created.
 *
 * @throws AwgError usage if a file exists, config if a folder is not writable
 */
export function writeNewFiles(files: readonly NewFile[]): void {
  const made: string[] = [];
  try {
    for (const file of files) {
      writeNewFile(file, () => made.push(file.path));
    }
  } catch (error) {
    for (const path of made) removeQuietly(path, unlinkSync);
    throw error;
  }
}

/**
 * As `writeNewFiles`, and makes a missing folder with mode 0700 if its parent exists and is root's or the user's own.
 *
 * @returns the folders that it made
 */
export function writeNewFilesAndFolders(files: readonly NewFile[]): readonly string[] {
  const made = [...new Set(files.map(({ path }) => dirname(path)))].filter(makeFolder);
  try {
    writeNewFiles(files);
  } catch (error) {
    for (const folder of made) removeQuietly(folder, rmdirSync);
    throw error;
  }
  return made;
}

/** Whether the folder was made; why it was not is seen when a file is written. */
function makeFolder(folder: string): boolean {
  try {
    const { uid } = statSync(dirname(folder));
    if (uid !== 0 && uid !== process.geteuid?.()) return false;
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}

function writeNewFile({ path, text }: NewFile, onMade: () => void): void {
  const descriptor = openNew(path);
  onMade();
  try {
    fchmodSync(descriptor, 0o600);
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new AwgError("usage", `${path} exists already; nothing was written`, {
        remedy: `choose another folder or --name; to repeat an import, remove ${shellWord(path)}`,
      });
    }
    if (code === "ENOENT") {
      throw new AwgError("config", `cannot write ${path}: its folder does not exist; nothing was written`, {
        cause,
        remedy: `make it (mkdir -p -m 700 ${shellWord(dirname(path))}), or choose another folder`,
      });
    }
    const denied = code === "EACCES" || code === "EPERM" || code === "EROFS";
    const message = `cannot write ${path} (${code}); nothing was written`;
    throw new AwgError(denied ? "permission" : "config", message, { cause, remedy: "choose another folder" });
  }
}

function removeQuietly(path: string, remove: (path: string) => void): void {
  try {
    remove(path);
  } catch {
    // Even if its removal fails, the first error is the one to report.
  }
}
