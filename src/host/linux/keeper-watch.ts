import type { KeeperStatus } from "../../model/keeper-protocol.ts";
import type { NetworkEvents } from "../ports/network-events.ts";

const LOOK_MS = 500;

interface KeeperStatusReader {
  status(): Promise<KeeperStatus | undefined>;
}

/**
 * Reports the keeper's death within half a second. Until another keeper owns our tables, any process with CAP_NET_ADMIN
 * can flush them (rule S12.1), and the kernel sends no event for that. The keeper is watched by its pid,
 * and queried only while no pid is known.
 */
export function keeperEvents(keeper: KeeperStatusReader): NetworkEvents {
  return {
    watch(onEvent) {
      let pid: number | undefined;
      let isAsking = false;
      const ask = async (): Promise<void> => {
        if (isAsking) return;
        isAsking = true;
        pid = (await statusOrNothing(keeper))?.pid;
        isAsking = false;
      };
      const look = (): void => {
        if (pid === undefined) void ask();
        if (pid === undefined || isAlive(pid)) return;
        pid = undefined;
        onEvent({ what: "the keeper ended", renumbered: false });
      };
      const timer = setInterval(look, LOOK_MS);
      return { [Symbol.asyncDispose]: async () => clearInterval(timer) };
    },
  };
}

/** A keeper that is just starting or exiting does not answer; the next check asks again. */
async function statusOrNothing(keeper: KeeperStatusReader): Promise<KeeperStatus | undefined> {
  try {
    return await keeper.status();
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
