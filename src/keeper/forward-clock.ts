/** Behind by less is no matter: an engine's timestamps have no more than 17 ms. */
const TOLERANCE_MS = 1_000;

/**
 * The wall clock, but never behind what it was: while somebody has set it back, it goes on from where it stood. Looked at
 * now and then, since a clock that nobody looked at was never ahead.
 */
export class ForwardClock {
  readonly #wallMs: () => number;
  readonly #steadyMs: () => number;
  #aheadOfSteadyMs = Number.NEGATIVE_INFINITY;

  constructor(wallMs: () => number, steadyMs: () => number) {
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
  }

  /** Takes note of how late it is, and tells by how many milliseconds the wall clock is behind that. */
  look(): number {
    const steadyMs = this.#steadyMs();
    const wallMs = this.#wallMs();
    this.#aheadOfSteadyMs = Math.max(this.#aheadOfSteadyMs, wallMs - steadyMs);
    return steadyMs + this.#aheadOfSteadyMs - wallMs;
  }

  /**
   * A UAPI set that tells the embedded engine of that later time, where the wall clock is behind it: an engine that starts
   * knows nothing of what the one before it told its peers, who take an earlier timestamp for a replay.
   */
  tellIn(configuration: string): string {
    const behindMs = this.look();
    if (behindMs < TOLERANCE_MS) return configuration;
    const seconds = Math.ceil((this.#wallMs() + behindMs) / 1000);
    return configuration.replace("set=1\n", `set=1\nawg_not_before=${seconds}\n`);
  }
}
