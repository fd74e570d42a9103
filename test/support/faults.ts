/** What every call of a process that died throws. */
export class CrashError extends Error {
  constructor(at: string) {
    super(`the process died at ${at}`);
    this.name = "CrashError";
  }
}

/** How the chosen call goes wrong. `fail` only throws; a crash also makes every later call throw without effect. */
export type FaultKind = "fail-before" | "fail-after" | "crash-before" | "crash-after";

/**
 * One fault at the n-th write, counted over everything that shares this object (machine and stores), so that a test can
 * walk through all of them. Without a plan it only counts.
 */
export class Faults {
  /** Writes seen so far. */
  count = 0;
  crashed = false;
  fired = false;
  readonly #at: number | undefined;
  readonly #kind: FaultKind;
  /** With `lasting`, a failure repeats at every write from the n-th on. */
  readonly #lasting: boolean;

  constructor(at?: number, kind: FaultKind = "crash-before", lasting = false) {
    this.#at = at;
    this.#kind = kind;
    this.#lasting = lasting;
  }

  /** Runs a write with the fault around it, when it is its turn. */
  async write<T>(label: string, effect: () => T | Promise<T>): Promise<T> {
    this.alive(label);
    const turn = ++this.count;
    const hit = this.#at !== undefined && (this.#lasting ? turn >= this.#at : turn === this.#at);
    if (!hit) return await effect();
    this.fired = true;
    if (this.#kind === "crash-before" || this.#kind === "crash-after") {
      if (this.#kind === "crash-after") await effect();
      this.crashed = true;
      throw new CrashError(label);
    }
    if (this.#kind === "fail-after") await effect();
    throw new Error(`injected failure at write ${turn} (${label})`);
  }

  /** Throws when the process is dead. */
  alive(label: string): void {
    if (this.crashed) throw new CrashError(label);
  }
}
