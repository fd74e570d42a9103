import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks the daemon on one connection again and again, and keeps how long each answer took. */
export class DaemonProbe implements Disposable {
  readonly #socket: Socket;
  readonly #times: number[] = [];
  #waiting: (() => void) | undefined;
  #isOver = false;

  /** @param everyMs between an answer and the next question */
  constructor(path: string, ask: "state" | "status", everyMs: number) {
    this.#socket = connect(path);
    this.#socket
      .on("error", () => undefined)
      .on("data", (chunk: Buffer) => {
        if (chunk.includes(10)) this.#waiting?.();
      });
    void this.#run(`${JSON.stringify({ id: 1, ask })}\n`, everyMs);
  }

  /** Milliseconds of the answers so far, the shortest first. */
  get times(): readonly number[] {
    return this.#times.toSorted((a, b) => a - b);
  }

  async #run(question: string, everyMs: number): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now();
      const answered = new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#socket.write(question);
      await answered;
      this.#times.push(performance.now() - began);
      await sleep(everyMs);
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#socket.destroy();
  }
}

/** The value that this part of sorted values does not exceed. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
