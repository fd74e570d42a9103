import { readVerdict, type Verdict } from "../../reconciler/apply/confirm.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import type { Unconfirmed } from "./applied.ts";
import { type RevertOptions, revertNow } from "./confirmation.ts";

/** A change that waits for confirmation, for the process that waits with it. */
export interface AwaitedChange {
  verdict(): Promise<Verdict>;
  /** Until it is reverted; negative once the time is over. */
  secondsLeft(): number;
  revert(options: RevertOptions): Promise<unknown>;
  /** Whether another process reverts it at the deadline. */
  readonly isWatched: boolean;
}

/** Follows one unconfirmed change of this host. */
export function awaitedChange(parts: HostParts, { proposed, deadlineMs, isWatched }: Unconfirmed): AwaitedChange {
  return {
    verdict: () => readVerdict(applyDepsOf(parts), proposed),
    secondsLeft: () => (deadlineMs - bootTimeMs(parts)) / 1000,
    revert: (options) => revertNow(parts, options),
    isWatched,
  };
}
