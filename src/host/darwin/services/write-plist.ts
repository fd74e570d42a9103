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
 * Writes a plist whole and durably: launchd refuses one that others than its owner may write. It is the user's for an
 * agent, else root's. The folder of an agent is its user's to change, so nothing there is followed; where it is made it is
 * the user's too, who else could put no agents there any more.
 */
export function writePlist(path: string, text: string, uid: number | undefined): void {
  const folder = dirname(path);
  const isNew = mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined;
  if (!lstatSync(folder).isDirectory() || (uid !== undefined && hasLink(folder)))
    throw new AwgError("conflict", `${folder} is a link, which awg does not follow`);
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

/** By descriptor, so that it is the very folder that was looked at. */
function giveFolder(folder: string, uid: number): void {
  if (process.geteuid?.() !== 0) return;
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (!hasLink(folder) && lstatSync(folder).ino === fstatSync(fd).ino) fchownSync(fd, uid, STAFF);
  } finally {
    closeSync(fd);
  }
}

/** The group of people on macOS. */
const STAFF = 20;
