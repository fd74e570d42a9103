import { RotatedLog } from "../../state/log/rotated-log.ts";

/** Where a daemon's lines go that no supervisor collects. */
export interface DaemonLog extends Disposable {
  write(line: string): void;
}

/** Opens the file of `awg daemon --log-file`. AwgError host if it cannot be opened, or is a link. */
export function openDaemonLog(path: string): DaemonLog {
  return new RotatedLog(path);
}
