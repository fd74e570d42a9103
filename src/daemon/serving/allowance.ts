/** Questions of one user a second, and at once; root has more, because the API asks for all its clients as root. */
const PER_SECOND = { user: 200, root: 2_000 } as const;

/** How many questions one user may ask now: what is not used within a second is not kept. */
export class Allowance {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  #left: number;
  #atMs: number;

  constructor(uid: number, nowMs: () => number) {
    this.#perSecond = uid === 0 ? PER_SECOND.root : PER_SECOND.user;
    this.#nowMs = nowMs;
    this.#left = this.#perSecond;
    this.#atMs = nowMs();
  }

  /** Whether one more question may be answered now. */
  take(): boolean {
    const nowMs = this.#nowMs();
    this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#atMs) * this.#perSecond) / 1_000);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
