import type { StandingOverride } from "../../app/status/status-report.ts";
import type { OVERRIDES } from "../../model/resources/desired-state.ts";
import type { setTimer } from "../timers.ts";

/** Two ticks of the clock that the end is judged by: /proc/uptime counts hundredths of a second. */
const SURELY_OVER_MS = 20;

/** What was asked for a time began or ended. */
export interface OverrideReport {
  readonly type: "override";
  /** null: what was asked for a time has ended. */
  readonly what: (typeof OVERRIDES)[number] | null;
  /** When it ends, ISO 8601; null if it has ended. */
  readonly until: string | null;
}

interface OverrideDeps {
  readonly setTimer: typeof setTimer;
  readonly report: (report: OverrideReport) => void;
  /** The time of an override is over. */
  readonly onOver: () => void;
}

/** Wakes the loop when the time of an override is over, and reports its beginning and its end. */
export class OverrideWatch implements Disposable {
  readonly #deps: OverrideDeps;
  #timer: Disposable | undefined;
  #reported: string | null = null;

  constructor(deps: OverrideDeps) {
    this.#deps = deps;
  }

  /** Gets the override of the accepted state at each look. */
  follow(standing: StandingOverride | undefined): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const what = standing?.override.what ?? null;
    const until = standing === undefined ? null : new Date(standing.override.endsMs).toISOString();
    const reported = standing === undefined ? null : `${what} ${until}`;
    if (reported !== this.#reported) this.#deps.report({ type: "override", what, until });
    this.#reported = reported;
    // One that is over is the loop's to end, which tries again by itself.
    if (standing === undefined || standing.msLeft === 0) return;
    this.#timer = this.#deps.setTimer(standing.msLeft + SURELY_OVER_MS, this.#deps.onOver);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }
}
