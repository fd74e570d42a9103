import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AwgError } from "../../model/error.ts";
import type { KeeperPaths } from "../../model/keeper-protocol.ts";
import { tryLockFile } from "../../native/linux/process/file-lock.ffi.ts";
import { refuseLinkedFolder } from "../own-folder.ts";

const LOCK_LOOK_MS = 1000;
/** sun_path with its closing zero has 104 bytes on macOS and 108 on Linux (unix(4), unix(7)); the shorter holds on both. */
const LONGEST_SOCKET_BYTES = 103;

/** The folder of a keeper, with its lock. */
export class KeeperFolder {
  readonly paths: KeeperPaths;
  #lock: number | undefined;

  constructor(paths: KeeperPaths) {
    this.paths = paths;
  }

  /**
   * Creates the folder if missing, and takes the lock unless this process has it. False when another keeper has it, now
   * or after ours was removed. AwgError permission when a link has its place.
   */
  take(): boolean {
    const { folder, lock } = this.paths;
    if (this.#lock !== undefined && isSameFile(this.#lock, lock)) return true;
    refuseLinkedFolder(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const opened = openSync(lock, "w", 0o600);
    if (!tryLockFile(opened)) {
      closeSync(opened);
      return false;
    }
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = opened;
    return true;
  }

  /**
   * `take` for a starting keeper; a service waits for another keeper to end. AwgError usage, before anything is
   * created, when the socket's path is too long.
   */
  async begin({ isService }: { readonly isService: boolean }): Promise<boolean> {
    this.#demandShortSocket();
    while (!this.take()) {
      if (!isService) return false;
      await sleep(LOCK_LOOK_MS);
    }
    return true;
  }

  #demandShortSocket(): void {
    const { socket } = this.paths;
    const bytes = Buffer.byteLength(socket);
    if (bytes <= LONGEST_SOCKET_BYTES) return;
    throw new AwgError(
      "usage",
      `the keeper's socket ${socket} is ${bytes} bytes long, and the limit for a unix socket is ${LONGEST_SOCKET_BYTES}`,
      { remedy: "set a shorter run folder (--run-dir)" },
    );
  }
}

function isSameFile(descriptor: number, path: string): boolean {
  const [ours, found] = [fstatSync(descriptor), statSync(path, { throwIfNoEntry: false })];
  return found?.ino === ours.ino && found.dev === ours.dev;
}
