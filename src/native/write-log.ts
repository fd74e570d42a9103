import { writeSync } from "node:fs";

/**
 * Writes to this process's standard error. What cannot be written (a full disk) is lost: an error of process.stderr that
 * nobody hears ends the process.
 */
export function writeLog(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    return;
  }
}
