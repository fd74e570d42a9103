import type { Host } from "../../host/ports/host.ts";
import type { Batch } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { ProbeResult } from "../../model/resources/probe.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Generation } from "../journal/generation.ts";
import type { Verb } from "../journal/journal-record.ts";
import type { Stores } from "../journal/stores.ts";

/** Signals that stop a running transaction. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Returns the signal that arrived, if any. */
export type StopQuestion = () => StopSignal | undefined | Promise<StopSignal | undefined>;

/** Progress of a running apply. Plain data; a view prints it. */
export type ProgressEvent =
  | { readonly type: "batch-start"; readonly index: number; readonly total: number; readonly batch: Batch }
  | { readonly type: "batch-done"; readonly index: number; readonly total: number; readonly batch: Batch }
  | { readonly type: "verify"; readonly attempt: number; readonly differing: readonly string[] }
  | { readonly type: "probe"; readonly name: string; readonly result: ProbeResult }
  | { readonly type: "rollback"; readonly cause: string }
  | { readonly type: "undo-start"; readonly index: number; readonly batch: Batch }
  | { readonly type: "blocked"; readonly cause: string };

export interface ApplyDeps {
  readonly host: Host;
  readonly registry: DriverRegistry;
  readonly stores: Stores;
  readonly clock: {
    /** Milliseconds since the epoch. */
    readonly nowMs: () => number;
    readonly sleep: (ms: number) => Promise<void>;
    /** Milliseconds since boot, sleep included; `nowMs` replaces it on a host that never reboots. */
    readonly bootMs?: () => number;
  };
  readonly progress?: (event: ProgressEvent) => void;
  /** Called before each batch and before acceptance; a signal ends the apply in a rollback. */
  readonly shouldStop?: StopQuestion;
  /** Runs the required probes after the read-back. Returns the failure of one, which rolls back. */
  readonly probe?: () => Promise<string | undefined>;
  /** Present if a person must confirm the new state before it is accepted. */
  readonly confirmation?: Confirmation;
}

/** How an apply awaits its confirmation. */
export interface Confirmation {
  /** Time to confirm, in milliseconds. */
  readonly withinMs: number;
  /** The SSH connection that applies, if any. */
  readonly connection?: string;
  /**
   * Gives the deadline (milliseconds since boot) to a process that outlives this one, and proves that it runs. Called
   * before the first write and again when the new state is in effect. AwgError if no process would revert.
   */
  readonly arm: (deadlineMs: number) => Promise<void>;
}

/** A plan with the state to accept once it holds. */
export interface Proposal {
  readonly verb: Verb;
  readonly desired: DesiredState;
  readonly configHash: string;
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** What a repair leaves as found, because another program uses what it needs. */
  readonly leave?: ReadonlySet<ResourceKey>;
}

/**
 * How a transaction ended (law 5): exactly the new state, exactly the old one, or blocked. Exit codes follow from it.
 */
export type Outcome =
  /** Nothing had to change; `generation` is the current one. */
  | {
      readonly kind: "inSync";
      readonly generation: number;
      readonly unaccepted?: unknown;
      /** Some of its secrets were missing and were stored again. */
      readonly isRestored?: true;
    }
  | {
      readonly kind: "applied";
      readonly generation: number;
      /** Set when the host is right but the acceptance could not be written; the next writing verb writes it. */
      readonly unaccepted?: unknown;
    }
  /** The new state is in effect and awaits `awg confirm`; the transaction is still open. */
  | { readonly kind: "unconfirmed"; readonly proposed: Generation; readonly deadlineMs: number }
  | {
      readonly kind: "rolledBack";
      readonly cause: unknown;
      readonly interruptedBy?: StopSignal;
      /** Set when the host is restored but the journal could not be closed; the next writing verb closes it. */
      readonly unclosed?: unknown;
    }
  | {
      readonly kind: "rollbackIncomplete";
      readonly cause: unknown;
      readonly rollbackCause: unknown;
      /** Path of the open journal. */
      readonly journal: string;
      /** Whether a policy of ours is known to be loaded: what old and new both allow, or *blocked*. */
      readonly blocked: boolean;
      readonly interruptedBy?: StopSignal;
    };

/** Milliseconds since boot, sleep included. */
export function bootTimeMs({ clock }: Pick<ApplyDeps, "clock">): number {
  return (clock.bootMs ?? clock.nowMs)();
}

/**
 * What happens to traffic after a failed rollback, for people. How far the rollback came decides which policy is
 * loaded. Pure.
 */
export function trafficAfter({ blocked }: { readonly blocked: boolean }): string {
  return blocked
    ? "traffic is blocked except what the loaded packet filter allows"
    : "awg's packet filter may not be loaded";
}
