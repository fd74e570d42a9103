import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { messageOf } from "../model/error.ts";
import { backoffMs } from "../reconciler/machine/backoff.ts";
import { type BurstLimits, burstDueMs, joinBurst, type PendingBurst } from "../reconciler/machine/burst-guard.ts";
import { type ReconcilerEvent, reconcilerMachine } from "../reconciler/machine/reconciler.machine.ts";
import { type Contention, noteRepairs, noteRival, type RepairHistory, type Rival, rivalsFor } from "./contention.ts";
import { FailedRepair } from "./failed-repair.ts";

/** One reconcile's plan, as far as the loop cares. */
export interface LoopPlan {
  /** Keys that would change; [] is in sync. */
  readonly keys: readonly string[];
  /** Whether it executes a person's request, rather than repairs foreign changes. */
  readonly proposed: boolean;
  /** Another awg changes the host now: what differs may be its work, and is no repair before that has ended. */
  readonly isBusy?: boolean;
  /** Why it skips resources that another program holds: each sentence once. */
  readonly held?: readonly string[];
  /** The plan is of the accepted config, and the files have another. */
  readonly filesNotApplied?: boolean;
}

/** The wake by a person: `awg service reload` or kill -HUP. It ends the wait after a failed repair. */
const ASKED_BY_PERSON = "SIGHUP";

/** Another awg at work is waited for as long as it waits for us (src/app/waiting-lock.ts), and looked for so often. */
const OTHER_AWG = { longestMs: 10_000, everyMs: 1_000 } as const;

/** The host and its desired state, as the loop sees them. */
export interface LoopSubject<P extends LoopPlan> {
  /** Reads configuration and host afresh; changes nothing. */
  plan(): Promise<P>;
  /** Carries a plan out, reads back, rolls back on failure; throws when the new state does not hold. */
  apply(plan: P): Promise<void>;
}

/** The program that made the change that woke the loop. */
export interface ChangeMaker {
  /** The same for all that are not listed one by one. */
  readonly kind: string;
  /** For people. */
  readonly text: string;
  /** Whether it was awg's own that was changed. */
  readonly isRival: boolean;
}

/** The loop's reports; plain data, a view prints it. */
export type LoopReport =
  | { readonly type: "woken"; readonly reasons: readonly string[] }
  /** `filesNotApplied`: with the accepted config, and the files have another. */
  | { readonly type: "inSync"; readonly filesNotApplied?: boolean }
  | { readonly type: "applying"; readonly keys: readonly string[]; readonly proposed: boolean }
  | { readonly type: "applied"; readonly keys: readonly string[] }
  /** `fight`: because others keep changing the same resources, which was reported as contended. */
  | { readonly type: "stalled"; readonly reason: string; readonly retryInMs: number; readonly fight?: true }
  /** `by`: the program behind the contended change, if known: "policy rules, by ip (process 123)". */
  | {
      readonly type: "contended";
      readonly keys: readonly string[];
      readonly waitMs: number;
      readonly by: readonly string[];
    }
  | { readonly type: "stopped" };

export interface LoopDeps {
  readonly report: (report: LoopReport) => void;
  /** Steady milliseconds; never jumps with the wall clock. */
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly setTimer: (ms: number, onDue: () => void) => Disposable;
  /** Read at each wake: the configuration may have changed them. */
  readonly limits: () => BurstLimits;
}

/**
 * Performs the actions of the reconciler's state machine: that one decides, this one reads, applies and waits. Wakes
 * are collected until they are quiet. No wake interrupts a change between its first write and its end.
 */
export class ReconcileLoop<P extends LoopPlan> {
  readonly #subject: LoopSubject<P>;
  readonly #deps: LoopDeps;
  readonly #stopped = Promise.withResolvers<void>();
  #isEnding = false;
  #observing: Promise<void> = Promise.resolve();
  #snapshot: SnapshotFrom<typeof reconcilerMachine>;
  #burst: PendingBurst = null;
  #burstTimer: Disposable | undefined;
  #retryTimer: Disposable | undefined;
  /** By sort of change and kind of program that made it. */
  #reasons = new Map<string, string>();
  #history: RepairHistory = [];
  /** Without the repair under way: one that fails is no move in a fight. */
  #historyBefore: RepairHistory = [];
  #planned: P | undefined;
  #rivals: readonly Rival[] = [];
  /** How long a fight is left alone, from the plan that found it to the next try. */
  #leftAloneMs: number | undefined;
  #failedRepair: FailedRepair | undefined;
  /** The rest of its wait when events brought the same plan; 0 for any other. */
  #restMs = 0;
  /** Since when another awg is at work; undefined while none is. */
  #otherSinceMs: number | undefined;
  #busySinceMs: number | undefined;

  constructor(subject: LoopSubject<P>, deps: LoopDeps) {
    this.#subject = subject;
    this.#deps = deps;
    [this.#snapshot] = initialTransition(reconcilerMachine);
  }

  /** The state's name, for status. */
  get state(): string {
    return String(this.#snapshot.value);
  }

  /** How long the look or change under way has taken; undefined while it rests. */
  get busyMs(): number | undefined {
    return this.#busySinceMs === undefined ? undefined : this.#deps.nowMs() - this.#busySinceMs;
  }

  /** Something happened; look again once it is quiet. */
  wake(what: string, by?: ChangeMaker): void {
    if (this.#isEnding) return;
    const nowMs = this.#deps.nowMs();
    const text = by === undefined ? what : `${what}, by ${by.text}`;
    this.#reasons.set(`${what}\n${by?.kind ?? ""}`, text);
    if (what === ASKED_BY_PERSON) this.#failedRepair = undefined;
    if (by?.isRival === true) this.#rivals = noteRival(this.#rivals, { what, kind: by.kind, text, atMs: nowMs });
    this.#burst = joinBurst(this.#burst, nowMs);
    this.#burstTimer?.[Symbol.dispose]();
    const dueMs = burstDueMs(this.#burst, this.#deps.limits()) ?? 0;
    this.#burstTimer = this.#deps.setTimer(Math.max(0, dueMs - nowMs), () => this.#endBurst());
  }

  /** Ends after what is under way has ended in its new or its old state. */
  stop(): Promise<void> {
    this.#send({ type: "stop" });
    return this.#stopped.promise;
  }

  #endBurst(): void {
    this.#burst = null;
    this.#deps.report({ type: "woken", reasons: [...this.#reasons.values()] });
    this.#reasons = new Map();
    this.#send({ type: "wake" });
  }

  #send(event: ReconcilerEvent): void {
    if (this.#isEnding) return;
    const before = this.#snapshot.value;
    const [next, actions] = transition(reconcilerMachine, this.#snapshot, event);
    this.#snapshot = next;
    if (next.status === "done") {
      void this.#end();
      return;
    }
    if (next.value === "inSync" && before !== "inSync") {
      this.#failedRepair = undefined;
      this.#reportInSync();
    }
    for (const { type } of actions) this.#perform(type);
  }

  #reportInSync(): void {
    const refused = this.#planned?.filesNotApplied === true ? { filesNotApplied: true } : {};
    this.#deps.report({ type: "inSync", ...refused });
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    this.#burstTimer?.[Symbol.dispose]();
    this.#retryTimer?.[Symbol.dispose]();
    await this.#observing;
    this.#deps.report({ type: "stopped" });
    this.#stopped.resolve();
  }

  #perform(action: string): void {
    if (action === "observe") this.#observing = this.#observe();
    else if (action === "plan") this.#judge();
    else if (action === "apply") void this.#apply();
    // The subject reads back and rolls back by itself, so both are done when `apply` has ended.
    else if (action === "verify") this.#send(this.#refusedByHolders() ?? { type: "verified" });
    else if (action === "rollBack") this.#send({ type: "rolledBack" });
    else if (action === "scheduleRetry") this.#scheduleRetry();
  }

  async #observe(): Promise<void> {
    this.#retryTimer?.[Symbol.dispose]();
    this.#leftAloneMs = undefined;
    try {
      this.#planned = await this.#timed(() => this.#subject.plan());
    } catch (error) {
      return this.#send({ type: "observeFailed", reason: messageOf(error) });
    }
    this.#send({ type: "observed" });
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    this.#busySinceMs = this.#deps.nowMs();
    try {
      return await work();
    } finally {
      this.#busySinceMs = undefined;
    }
  }

  #judge(): void {
    const { keys, proposed, isBusy = false } = this.#planned ?? { keys: [], proposed: false };
    const isTheirs = isBusy && !proposed && keys.length > 0 && this.#waitForOther();
    if (!isTheirs) this.#otherSinceMs = undefined;
    const failedMs = proposed ? 0 : (this.#failedRepair?.restMs(keys, this.#deps.nowMs()) ?? 0);
    this.#restMs = isTheirs ? OTHER_AWG.everyMs : failedMs;
    if (this.#restMs > 0) {
      this.#send({ type: "mustRest" });
      return;
    }
    const contention = proposed || keys.length === 0 ? undefined : this.#contention(keys);
    if (contention !== undefined) {
      const by = rivalsFor(this.#rivals, contention.keys, this.#deps.nowMs());
      this.#leftAloneMs = contention.waitMs;
      this.#deps.report({ type: "contended", ...contention, by });
      const who = by.length === 0 ? "others keep" : `others (${by.join("; ")}) keep`;
      this.#send({ type: "refused", reason: `${who} changing ${contention.keys.join(", ")}` });
    } else if (keys.length > 0) this.#send({ type: "plannedChanges" });
    else this.#send(this.#refusedByHolders() ?? { type: "plannedNothing" });
  }

  /** Whether another awg is given more time: one that hangs is reported by the attempt to change the host beside it. */
  #waitForOther(): boolean {
    const nowMs = this.#deps.nowMs();
    this.#otherSinceMs ??= nowMs;
    return nowMs - this.#otherSinceMs < OTHER_AWG.longestMs;
  }

  /** The reason for a remainder after all possible repairs: other programs hold it. */
  #refusedByHolders(): ReconcilerEvent | undefined {
    const { held = [] } = this.#planned ?? {};
    return held.length === 0 ? undefined : { type: "refused", reason: [...held, "all else is as accepted"].join("; ") };
  }

  #contention(keys: readonly string[]): Contention | undefined {
    const { history, contention } = noteRepairs(this.#history, keys, this.#deps.nowMs());
    this.#historyBefore = this.#history;
    this.#history = history;
    return contention;
  }

  async #apply(): Promise<void> {
    const planned = this.#planned;
    if (planned === undefined) return this.#send({ type: "applyFailed", reason: "there is no plan" });
    this.#deps.report({ type: "applying", keys: planned.keys, proposed: planned.proposed });
    const sinceMs = this.#deps.nowMs();
    try {
      await this.#timed(() => this.#subject.apply(planned));
    } catch (error) {
      if (!planned.proposed) {
        this.#history = this.#historyBefore;
        this.#failedRepair ??= new FailedRepair();
        this.#failedRepair.noteFailure(planned.keys);
      }
      const reason = messageOf(error) + this.#meddling(planned.keys, sinceMs);
      return this.#send({ type: "applyFailed", reason });
    }
    this.#deps.report({ type: "applied", keys: planned.keys });
    this.#send({ type: "applied" });
  }

  /** Text on rivals during this repair: one that is faster than the read-back makes a repair fail. */
  #meddling(keys: readonly string[], sinceMs: number): string {
    const rivals = this.#rivals.filter(({ atMs }) => atMs >= sinceMs);
    const by = rivalsFor(rivals, keys, this.#deps.nowMs());
    return by.length === 0 ? "" : ` (changed since: ${by.join("; ")})`;
  }

  #scheduleRetry(): void {
    const { failures, reason } = this.#snapshot.context;
    const tries = this.#failedRepair?.failures ?? failures;
    const restMs = this.#restMs;
    const fight = this.#leftAloneMs === undefined ? {} : { fight: true as const };
    const waitMs = restMs > 0 ? restMs : (this.#leftAloneMs ?? backoffMs(tries, this.#deps.random()));
    this.#restMs = 0;
    if (restMs === 0) {
      this.#failedRepair?.rest(waitMs, this.#deps.nowMs());
      this.#deps.report({ type: "stalled", reason, retryInMs: waitMs, ...fight });
    }
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = this.#deps.setTimer(waitMs, () => this.#send({ type: "retry" }));
  }
}
