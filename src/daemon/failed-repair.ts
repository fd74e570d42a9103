/** The longest time that events cannot begin the same repair again. */
const LONGEST_REST_MS = 10_000;

/**
 * Repairs that failed in a row, and how long the last one rests. A failed apply changes the host twice, so its own
 * events would begin it again at once, several times a second. Pure.
 */
export class FailedRepair {
  #keys = "";
  readonly #failed = new Set<string>();
  #failures = 0;
  #endsMs: number | undefined;

  /** Failures in a row since the last new difference. */
  get failures(): number {
    return this.#failures;
  }

  /** A key that has not failed before is a new difference, so its waits begin with the shortest. */
  noteFailure(keys: readonly string[]): void {
    const isNew = keys.some((key) => !this.#failed.has(key));
    for (const key of keys) this.#failed.add(key);
    this.#keys = keys.join(" ");
    this.#failures = isNew ? 1 : this.#failures + 1;
    this.#endsMs = undefined;
  }

  /** Begins its rest; later calls for the same failure change nothing. */
  rest(waitMs: number, nowMs: number): void {
    this.#endsMs ??= nowMs + Math.min(waitMs, LONGEST_REST_MS);
  }

  /** Milliseconds that a plan of these keys still has to wait; 0 if it is another plan, or due. */
  restMs(keys: readonly string[], nowMs: number): number {
    return keys.join(" ") === this.#keys && this.#endsMs !== undefined ? Math.max(0, this.#endsMs - nowMs) : 0;
  }
}
