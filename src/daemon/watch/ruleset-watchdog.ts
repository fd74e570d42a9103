import { type RestoredPolicy, renderRestored } from "../../app/protect/restore-policy.ts";
import type { NetworkEvent } from "../../host/ports/network-events.ts";
import type { UseCases } from "../use-cases.ts";
import { writerText } from "../writer-text.ts";

/** After its own look it ignores events for this long: others may change the packet filter many times a second. */
const REST_MS = 200;

/** The watchdog's report: the packet filter was wrong, and the result of the repair. */
export interface GuardReport extends RestoredPolicy {
  readonly type: "guarded";
  /** "nft (123)": the program that changed it, if the kernel reported it. */
  readonly by?: string;
}

export interface GuardDeps {
  readonly report: (report: GuardReport) => void;
  /** Steady milliseconds. */
  readonly nowMs: () => number;
}

/**
 * Keeps the packet filter loaded, independent of every plan, and never gives up. It checks when the kernel reports a
 * change by another program, when the keeper ended, and at each look of the loop.
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

  /**
   * Looks at once if the event may concern the packet filter. The same event wakes the loop, which reports any error.
   */
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
