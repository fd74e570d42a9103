import type { KeeperStatus } from "../../model/keeper-protocol.ts";
import type { NetworkEvents } from "../ports/network-events.ts";

const LOOK_MS = 500;

/**
 * Tells within half a second that the keeper died: until another one holds them, anybody with the rights can flush our tables
 * (rule S12.1), and no device or rule changes that the kernel would tell of. It is watched by its pid; only
 * while none is known is a keeper asked for.
 */
export function keeperEvents(keeper: { status(): KeeperStatus | undefined }): NetworkEvents {
  return {
    watch(onEvent) {
      let pid: number | undefined;
      const look = (): void => {
        pid ??= statusOrNothing(keeper)?.pid;
        if (pid === undefined || isAlive(pid)) return;
        pid = undefined;
        onEvent({ what: "the keeper ended", renumbered: false });
      };
      const timer = setInterval(look, LOOK_MS);
      return { [Symbol.asyncDispose]: async () => clearInterval(timer) };
    },
  };
}

/** One that starts or ends just now does not answer; it is asked again at the next look. */
function statusOrNothing(keeper: { status(): KeeperStatus | undefined }): KeeperStatus | undefined {
  try {
    return keeper.status();
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
