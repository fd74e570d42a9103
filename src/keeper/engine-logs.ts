import { readdirSync, rmSync, statSync } from "node:fs";

/** The folder is in memory, and tunnels come and go under ever new names. */
const KEPT_LOGS = 16;
const LOG_NAME = /^engine-(.+)\.log$/;

/**
 * Removes what engines of devices that are gone have said, but for the last of them: why an engine failed must be readable
 * after its device was taken back.
 *
 * @param isThere whether a device, by the name that its log bears, is still held
 */
export function pruneEngineLogs(folder: string, isThere: (device: string) => boolean): void {
  const logs = readdirSync(folder).flatMap((name) => {
    const device = LOG_NAME.exec(name)?.[1];
    const stats = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
    return device === undefined || stats === undefined ? [] : [{ name, device, writtenMs: stats.mtimeMs }];
  });
  if (logs.length <= KEPT_LOGS) return;
  const newestFirst = logs.toSorted((a, b) => b.writtenMs - a.writtenMs);
  for (const { name, device } of newestFirst.slice(KEPT_LOGS)) {
    if (!isThere(device)) rmSync(`${folder}/${name}`, { force: true });
  }
}
