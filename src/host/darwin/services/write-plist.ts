import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { AwgError } from "../../../model/error.ts";

/**
 * Replaces a plist durably; launchd refuses one that users other than its owner may write. An agent's belongs to its
 * user, others to root. The user can change an agent's folder, so no link in it is followed. A folder created here is
 * given to the user, who could otherwise add no agents.
 */
export function writePlist(path: string, text: string, uid: number | undefined): void {
  const folder = dirname(path);
  const isNew = mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined;
  if (!lstatSync(folder).isDirectory() || (uid !== undefined && hasLink(folder)))
    throw new AwgError("conflict", `${folder} is a symbolic link, which awg does not follow`);
  if (isNew && uid !== undefined) giveFolder(folder, uid);
  const draft = `${path}.awg-new`;
  rmSync(draft, { force: true });
  const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
  try {
    writeSync(fd, text);
    fchmodSync(fd, 0o644);
    if (process.geteuid?.() === 0) fchownSync(fd, uid ?? 0, uid === undefined ? 0 : STAFF);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
}

/** Whether `Library` or `LaunchAgents` of a home is a link; the home itself may be one. */
function hasLink(folder: string): boolean {
  const home = dirname(dirname(folder));
  return realpathSync(folder) !== join(realpathSync(home), relative(home, folder));
}

/** By descriptor, so that it is the folder that was checked. */
function giveFolder(folder: string, uid: number): void {
  if (process.geteuid?.() !== 0) return;
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (!hasLink(folder) && lstatSync(folder).ino === fstatSync(fd).ino) fchownSync(fd, uid, STAFF);
  } finally {
    closeSync(fd);
  }
}

/** The default group of users on macOS. */
const STAFF = 20;
