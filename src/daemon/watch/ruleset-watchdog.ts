import { type RestoredPolicy, renderRestored } from "../../app/protect/restore-policy.ts";
import type { NetworkEvent } from "../../host/ports/network-events.ts";
import type { UseCases } from "../use-cases.ts";
import { writerText } from "../writer-text.ts";

/** After a look of its own it leaves events so long to the loop's: others may change the packet filter many times a second. */
const REST_MS = 200;

/** What the guard tells: the packet filter did not stand, and what became of it. */
export interface GuardReport extends RestoredPolicy {
  readonly type: "guarded";
  /** "nft (123)": who changed it, where the kernel told. */
  readonly by?: string;
}

export interface GuardDeps {
  readonly report: (report: GuardReport) => void;
  /** Steady milliseconds. */
  readonly nowMs: () => number;
}

/**
 * Sees to it that the packet filter stands, before and apart from every plan, and never gives it up: as soon as the kernel
 * tells that somebody changed it or that its keeper ended, and at each look of the loop.
 */
export class RulesetWatchdog {
  readonly #useCases: Pick<UseCases, "restorePolicy">;
  readonly #deps: GuardDeps;
  #looking: Promise<unknown> = Promise.resolve();
  #restUntilMs = 0;

  constructor(useCases: Pick<UseCases, "restorePolicy">, deps: GuardDeps) {
    this.#useCases = useCases;
    this.#deps = deps;
  }

  /** Looks, after a look that is under way. Throws what `restorePolicy` throws. */
  look(by?: string): Promise<void> {
    const look = this.#looking.then(() => this.#look(by));
    this.#looking = look.catch(() => undefined);
    return look;
  }

  /** Looks at once where it may be the packet filter. What fails is told by the loop, which the same event wakes. */
  note({ what, by }: NetworkEvent): void {
    const nowMs = this.#deps.nowMs();
    if ((what !== "packet filter" && what !== "the keeper ended") || nowMs < this.#restUntilMs) return;
    this.#restUntilMs = Number.POSITIVE_INFINITY;
    this.look(by === undefined ? undefined : writerText(by))
      .catch(() => undefined)
      .finally(() => {
        this.#restUntilMs = this.#deps.nowMs() + REST_MS;
      });
  }

  /** Ends with the look that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking;
  }

  async #look(by: string | undefined): Promise<void> {
    const restored = await this.#useCases.restorePolicy();
    if (restored !== undefined)
      this.#deps.report({ type: "guarded", ...restored, ...(by === undefined ? {} : { by }) });
  }
}

/** One line for people. Pure. */
export function renderGuarded({ by, wrong, ...found }: GuardReport): string {
  return renderRestored({ ...found, wrong: by === undefined ? wrong : `${wrong}, by ${by}` });
}
