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
