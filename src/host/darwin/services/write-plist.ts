import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../../../model/error.ts";

/**
 * Writes a plist whole and durably: launchd refuses one that others than its owner may write. It is the user's for an
 * agent, else root's. The folder of an agent is its user's to change, so nothing there is followed.
 */
export function writePlist(path: string, text: string, uid: number | undefined): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (!lstatSync(folder).isDirectory())
    throw new AwgError("conflict", `${folder} is a link, which awg does not follow`);
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

/** The group of people on macOS. */
const STAFF = 20;
