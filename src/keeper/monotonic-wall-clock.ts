import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { refuseLinkedFolder } from "./own-folder.ts";

/** Smaller backward steps are ignored: engine timestamps have a resolution of about 17 ms. */
const TOLERANCE_MS = 1_000;
const FILE_NAME = "latest-clock";
/** The latest time an engine accepts, in milliseconds (parse-set.ts). */
const LATEST_MS = 9_999_999_999_000;

/** Stores, across keepers, the largest offset of the wall clock from the monotonic clock in milliseconds. */
export interface ClockOffsetStore {
  /** Undefined when unknown. */
  read(): number | undefined;
  write(aheadMs: number): void;
}

/**
 * A wall clock that never goes back: while the system clock is behind an earlier reading, it continues from that
 * reading. It must be read now and then, since it knows only what it has read.
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

  /** Reads the clocks and returns by how many milliseconds the wall clock is behind. */
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
   * Adds the later time to a UAPI set for the embedded engine, if the wall clock is behind. A new engine does not know
   * the timestamps of its predecessor, and peers refuse earlier ones as replays.
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
 * The clock of the keeper whose engines log to the folder of `logPath`, one per folder. Its offset is stored there
 * until the host restarts, like the monotonic clock.
 */
export function clockOfLogFolder(logPath: string): MonotonicWallClock {
  const folder = dirname(logPath);
  const known = CLOCKS.get(folder);
  if (known !== undefined) return known;
  const clock = new MonotonicWallClock(Date.now, steadyMs, offsetFile(join(folder, FILE_NAME)));
  CLOCKS.set(folder, clock);
  return clock;
}

/** The same for every process of the host (CLOCK_MONOTONIC, mach_absolute_time). */
function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Best effort: without the file only the next keeper lacks the offset. */
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
        refuseLinkedFolder(dirname(path));
        rmSync(`${path}.new`, { force: true });
        writeFileSync(`${path}.new`, `${Math.floor(aheadMs)}\n`, { mode: 0o600, flag: "wx" });
        renameSync(`${path}.new`, path);
      } catch {
        // See above.
      }
    },
  };
}
