/** Answers that may be given again for a while; as many as fit. The time is the caller's, in milliseconds that only grow. */
export class TtlCache<T> {
  readonly #keptMs: number;
  readonly #most: number;
  readonly #answers = new Map<string, { readonly answer: T; readonly untilMs: number }>();

  constructor(keptMs: number, most = 4096) {
    this.#keptMs = keptMs;
    this.#most = most;
  }

  /** The answer that was found for this question a short while ago, or a new one. */
  get(question: string, nowMs: number, find: () => T): T {
    const kept = this.#answers.get(question);
    if (kept !== undefined && nowMs < kept.untilMs) return kept.answer;
    const answer = find();
    this.#answers.delete(question);
    if (this.#answers.size >= this.#most) this.#makeRoom(nowMs);
    this.#answers.set(question, { answer, untilMs: nowMs + this.#keptMs });
    return answer;
  }

  /** Drops what is over; and if nothing is, the oldest. */
  #makeRoom(nowMs: number): void {
    for (const [question, { untilMs }] of this.#answers) if (untilMs <= nowMs) this.#answers.delete(question);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= this.#most && oldest !== undefined) this.#answers.delete(oldest);
  }
}
