import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Behind by less is no matter: an engine's timestamps have no more than 17 ms. */
const TOLERANCE_MS = 1_000;
const FILE_NAME = "latest-clock";
/** What an engine takes, in milliseconds (parse-set.ts). */
const LATEST_MS = 9_999_999_999_000;

/** What outlives a keeper: by how many milliseconds the wall clock was ahead of the steady one at most. */
export interface ClockOffsetStore {
  /** undefined: nobody knows. */
  read(): number | undefined;
  write(aheadMs: number): void;
}

/**
 * The wall clock, but never behind what it was: while somebody has set it back, it goes on from where it stood. Looked at
 * now and then, since a clock that nobody looked at was never ahead.
 */
export class MonotonicWallClock {
  readonly #wallMs: () => number;
  readonly #steadyMs: () => number;
  readonly #kept: ClockOffsetStore;
  #aheadOfSteadyMs: number;
  #keptMs: number;

  constructor(wallMs: () => number, steadyMs: () => number, kept: ClockOffsetStore) {
    this.#wallMs = wallMs;
    this.#steadyMs = steadyMs;
    this.#kept = kept;
    this.#keptMs = kept.read() ?? Number.NEGATIVE_INFINITY;
    this.#aheadOfSteadyMs = this.#keptMs;
  }

  /** Takes note of how late it is, and tells by how many milliseconds the wall clock is behind that. */
  look(): number {
    const steadyMs = this.#steadyMs();
    const wallMs = this.#wallMs();
    this.#aheadOfSteadyMs = Math.max(this.#aheadOfSteadyMs, wallMs - steadyMs);
    if (this.#aheadOfSteadyMs - this.#keptMs >= TOLERANCE_MS) {
      this.#keptMs = this.#aheadOfSteadyMs;
      this.#kept.write(this.#keptMs);
    }
    return steadyMs + this.#aheadOfSteadyMs - wallMs;
  }

  /**
   * A UAPI set that tells the embedded engine of that later time, where the wall clock is behind it: an engine that starts
   * knows nothing of what the one before it told its peers, who take an earlier timestamp for a replay.
   */
  withNotBefore(configuration: string): string {
    const behindMs = this.look();
    if (behindMs < TOLERANCE_MS) return configuration;
    const seconds = Math.ceil((this.#wallMs() + behindMs) / 1000);
    return configuration.replace("set=1\n", `set=1\nawg_not_before=${seconds}\n`);
  }
}

const CLOCKS = new Map<string, MonotonicWallClock>();

/**
 * The clock of the keeper whose engines write their logs to the folder of `logPath`; one for all of them. It is kept there
 * beside the logs until the machine restarts, as the steady clock is.
 */
export function clockOfLogFolder(logPath: string): MonotonicWallClock {
  const folder = dirname(logPath);
  const known = CLOCKS.get(folder);
  if (known !== undefined) return known;
  const clock = new MonotonicWallClock(Date.now, steadyMs, offsetFile(join(folder, FILE_NAME)));
  CLOCKS.set(folder, clock);
  return clock;
}

/** The same for every process of the machine (CLOCK_MONOTONIC, mach_absolute_time). */
function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** A folder that cannot be read or written costs what a keeper after this one would know, nothing else. */
function offsetFile(path: string): ClockOffsetStore {
  return {
    read: () => {
      try {
        const text = readFileSync(path, "utf8").trim();
        return /^[0-9]{1,16}$/.test(text) && Number(text) + steadyMs() < LATEST_MS ? Number(text) : undefined;
      } catch {
        return undefined;
      }
    },
    write: (aheadMs) => {
      try {
        writeFileSync(`${path}.new`, `${Math.floor(aheadMs)}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch {
        // See above.
      }
    },
  };
}
