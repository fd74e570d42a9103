import { writeSync } from "node:fs";

/**
 * Writes to standard error. Failed writes (a full disk) are ignored: an unhandled error of process.stderr would end
 * the process.
 */
export function writeLog(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    return;
  }
}
