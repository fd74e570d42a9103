import { closeSync, fchmodSync, fchownSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a plist whole and durably: launchd refuses one that others than its owner may write. It is the user's for an
 * agent, else root's.
 */
export function writePlist(path: string, text: string, uid: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const draft = `${path}.awg-new`;
  const fd = openSync(draft, "w", 0o644);
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
