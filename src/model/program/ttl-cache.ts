/** A bounded cache of results with a time to live. The caller passes the time, in monotonic milliseconds. */
export class TtlCache<T> {
  readonly #keptMs: number;
  readonly #most: number;
  readonly #answers = new Map<string, { readonly answer: T; readonly untilMs: number }>();

  constructor(keptMs: number, most = 4096) {
    this.#keptMs = keptMs;
    this.#most = most;
  }

  /** The recent result for this key, or a new one. */
  get(question: string, nowMs: number, find: () => T): T {
    const kept = this.#answers.get(question);
    if (kept !== undefined && nowMs < kept.untilMs) return kept.answer;
    const answer = find();
    this.#answers.delete(question);
    if (this.#answers.size >= this.#most) this.#makeRoom(nowMs);
    this.#answers.set(question, { answer, untilMs: nowMs + this.#keptMs });
    return answer;
  }

  /** Drops expired entries; if there are none, the oldest. */
  #makeRoom(nowMs: number): void {
    for (const [question, { untilMs }] of this.#answers) if (untilMs <= nowMs) this.#answers.delete(question);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= this.#most && oldest !== undefined) this.#answers.delete(oldest);
  }
}
