import { messageOf } from "../../model/error.ts";
import type { setTimer } from "../timers.ts";
import type { UseCases } from "../use-cases.ts";

/** Two ticks of the clock that the deadline is judged by: /proc/uptime counts hundredths of a second. */
const SURELY_OVER_MS = 20;

interface DeadlineDeps {
  readonly setTimer: typeof setTimer;
  readonly report: (problem: string) => void;
  /** It was this process that brought the old state back. */
  readonly onReverted: () => void;
}

/**
 * Holds a change that waits to be confirmed to its deadline. That is the keeper's work, which may have died: the daemon
 * starts another, and reverts by itself when the time is over. Whoever comes second finds nothing to undo.
 */
export class DeadlineWatch implements Disposable {
  readonly #useCases: Pick<UseCases, "keepWatched" | "revert">;
  readonly #deps: DeadlineDeps;
  #timer: Disposable | undefined;

  constructor(useCases: Pick<UseCases, "keepWatched" | "revert">, deps: DeadlineDeps) {
    this.#useCases = useCases;
    this.#deps = deps;
  }

  /**
   * Gets the remaining seconds at each look: 0 after the deadline, undefined if nothing awaits confirmation. Never
   * throws: an error is reported, and the next look tries again.
   */
  async follow(secondsLeft: number | undefined): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (secondsLeft === undefined) return;
    this.#timer = this.#deps.setTimer(secondsLeft * 1000 + SURELY_OVER_MS, () => void this.#revert());
    if (secondsLeft > 0) await this.#attempt("watching what waits to be confirmed", () => this.#useCases.keepWatched());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  async #revert(): Promise<void> {
    await this.#attempt("reverting the unconfirmed change", async () => {
      if ((await this.#useCases.revert({ onlyIfDue: true })) !== undefined) this.#deps.onReverted();
    });
  }

  async #attempt(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#deps.report(`${what} failed: ${messageOf(error)}`);
    }
  }
}
