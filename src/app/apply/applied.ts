import type { ProgressEvent, StopQuestion } from "../../reconciler/apply/outcome.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";

export type { ProgressEvent, StopSignal } from "../../reconciler/apply/outcome.ts";

/** How an apply reports and can be stopped. */
export interface ApplyHooks {
  readonly onEvent: (event: ProgressEvent) => void;
  /** What a person asked for, for the audit log; the plan's verb where absent. */
  readonly request?: string;
  /** Called between batches; a signal undoes the apply. */
  readonly shouldStop: StopQuestion;
  /** Revert the new state unless it is confirmed within this time; undefined accepts it at once. */
  readonly confirmWithinMs?: number;
}

/** A state that waits for confirmation. */
export interface Unconfirmed {
  readonly proposed: Generation;
  /** Milliseconds since boot. */
  readonly deadlineMs: number;
  /** Whether another process reverts it at the deadline. */
  readonly isWatched: boolean;
}

/** The result of an apply that succeeded. */
export interface Applied {
  readonly generation: number;
  /** Whether the host was changed. */
  readonly changed: boolean;
  /** Present if a generation was accepted without a change to the host. */
  readonly recorded?: true;
  /** Present if the state waits for confirmation. */
  readonly unconfirmed?: Unconfirmed;
  /** Why the acceptance could not be saved, as on a full disk; the next writing verb saves it. */
  readonly unaccepted?: string;
  /**
   * The host's own settings that could not be restored: the reason, the saved copy, and how to restore them by hand.
   */
  readonly kept?: string;
}
