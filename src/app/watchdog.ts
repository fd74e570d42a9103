import { AwgError } from "../model/error.ts";
import type { KeeperRequest, KeeperStatus } from "../model/keeper-protocol.ts";

/** The process that outlives this one and reverts an unconfirmed change. */
export interface Watchdog {
  /** Proves that it runs and knows the deadline (milliseconds since boot). AwgError if it does not. */
  arm(deadlineMs: number): Promise<void>;
  /** Whether it runs and knows this deadline; starts nothing. */
  knows(deadlineMs: number): Promise<boolean>;
  /** Ends it if a signal stopped it, so that another can revert; absent if that is not safe. */
  readonly endStopped?: () => Promise<void>;
  /** Best effort: a watchdog that stays armed finds nothing to undo. */
  disarm(): Promise<void>;
}

/** The keeper of a host, as its watchdog needs it. */
export interface WatchdogKeeper extends Pick<Watchdog, "endStopped"> {
  /** Undefined when none runs. Starts nothing. */
  readonly status: () => Promise<KeeperStatus | undefined>;
  readonly request: (request: KeeperRequest) => Promise<KeeperStatus>;
  /** Absent where a request starts it. */
  readonly ensureRunning?: () => Promise<void>;
}

/**
 * A keeper as what reverts an unconfirmed apply.
 *
 * @param command what it runs at the deadline
 */
export function keeperWatchdog(keeper: WatchdogKeeper, command: readonly string[]): Watchdog {
  const { endStopped } = keeper;
  return {
    arm: async (deadlineMs) => {
      await keeper.ensureRunning?.();
      const { watchdog } = await keeper.request({ request: "armWatchdog", watch: { deadlineMs, command } });
      if (watchdog?.deadlineMs === deadlineMs) return;
      throw new AwgError(
        "host",
        "the keeper did not accept the deadline, so nothing would revert the change; nothing was changed",
      );
    },
    ...(endStopped === undefined ? {} : { endStopped }),
    knows: async (deadlineMs) => (await keeper.status())?.watchdog?.deadlineMs === deadlineMs,
    disarm: async () => {
      try {
        if ((await keeper.status()) !== undefined) await keeper.request({ request: "disarmWatchdog" });
      } catch {
        // It stays armed.
      }
    },
  };
}
