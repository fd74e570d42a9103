import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

/** Identifies an engine's socket for a later keeper. */
interface EngineRecord {
  readonly socket: string;
  readonly inode: number;
  readonly changedMs: number;
}

/** Records an engine's socket in the keeper's folder. */
export function recordEngine(path: string, socket: string): void {
  const { ino, ctimeMs } = statSync(socket);
  const record: EngineRecord = { socket, inode: ino, changedMs: ctimeMs };
  writeFileSync(path, JSON.stringify(record), { mode: 0o600 });
}

/**
 * Ends the engines that an earlier keeper left. wireguard-go ends when its socket is removed (uapi_bsd.go watches it),
 * as `wg-quick down` on macOS relies on. Interface numbers are reused, so a socket of the same name may belong to
 * another program: only the recorded file is removed.
 */
export function endOrphanEngines(folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".engine"))) {
    const path = `${folder}/${file}`;
    const record = readRecord(path);
    if (record !== undefined && isStill(record)) rmSync(record.socket, { force: true });
    rmSync(path, { force: true });
  }
}

function readRecord(path: string): EngineRecord | undefined {
  try {
    const { socket, inode, changedMs } = JSON.parse(readFileSync(path, "utf8")) as Partial<EngineRecord>;
    if (typeof socket !== "string" || typeof inode !== "number" || typeof changedMs !== "number") return undefined;
    return { socket, inode, changedMs };
  } catch {
    return undefined;
  }
}

function isStill({ socket, inode, changedMs }: EngineRecord): boolean {
  try {
    const { ino, ctimeMs } = statSync(socket);
    return ino === inode && ctimeMs === changedMs;
  } catch {
    return false;
  }
}
