import { type RestoredPolicy, renderRestored } from "../../app/protect/restore-policy.ts";
import type { NetworkEvent } from "../../host/ports/network-events.ts";
import type { UseCases } from "../use-cases.ts";
import { writerText } from "../writer-text.ts";

/** Pause between two looks for events: others may change the packet filter many times a second. */
const REST_MS = 50;

/** The watchdog's report: the packet filter was wrong, and the result of the repair. */
export interface GuardReport extends RestoredPolicy {
  readonly type: "guarded";
  /** "nft (123)": the program that changed it, if the kernel reported it. */
  readonly by?: string;
}

export interface GuardDeps {
  readonly report: (report: GuardReport) => void;
  readonly setTimer: (ms: number, onDue: () => void) => Disposable;
}

/**
 * Keeps the packet filter loaded, independent of every plan, and never gives up. It checks when the kernel reports a
 * change by another program, when the keeper ended, and at each look of the loop.
 */
export class RulesetWatchdog {
  readonly #useCases: Pick<UseCases, "restorePolicy">;
  readonly #deps: GuardDeps;
  #looking: Promise<unknown> = Promise.resolve();
  /** The program of the event that the next look answers; undefined while no look is due. */
  #due: { readonly by: string | undefined } | undefined;
  #rest: Disposable | undefined;
  #isBusy = false;

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
   * Looks at once if the event may concern the packet filter, or as soon as the look and the pause before it are over.
   * The same event wakes the loop, which reports any error.
   */
  note({ what, by }: NetworkEvent): void {
    if (what !== "packet filter" && what !== "the keeper ended") return;
    this.#due = { by: by === undefined ? this.#due?.by : writerText(by) };
    if (!this.#isBusy) void this.#answer();
  }

  /** Ends with the look that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isBusy = true;
    this.#rest?.[Symbol.dispose]();
    await this.#looking;
  }

  async #answer(): Promise<void> {
    const due = this.#due;
    this.#isBusy = due !== undefined;
    if (due === undefined) return;
    this.#due = undefined;
    await this.look(due.by).catch(() => undefined);
    this.#rest = this.#deps.setTimer(REST_MS, () => void this.#answer());
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
