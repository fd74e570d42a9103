import type { Host } from "../../host/ports/host.ts";
import type { Batch } from "../../model/plan.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import type { ProbeResult } from "../../model/resources/probe.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Verb } from "./record.ts";
import type { Generation, Stores } from "./stores.ts";

/** What a signal asks of a running transaction. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Which signal came, if any did. */
export type StopQuestion = () => StopSignal | undefined | Promise<StopSignal | undefined>;

/** What an apply tells while it runs. Plain data; a view prints it. */
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
    /** Milliseconds since boot, sleep included; `nowMs` stands in where a machine never reboots. */
    readonly bootMs?: () => number;
  };
  readonly progress?: (event: ProgressEvent) => void;
  /** Asked before each batch and before what stands is accepted; a signal ends the apply in a rollback. */
  readonly shouldStop?: StopQuestion;
  /** The probes that count, run after the read-back; a sentence is the failure of one, and rolls back. */
  readonly probe?: () => Promise<string | undefined>;
  /** Present when the new state is to be confirmed by a person before it is accepted. */
  readonly confirmation?: Confirmation;
}

/** What holds an apply that has to be confirmed. */
export interface Confirmation {
  /** Milliseconds that the person has. */
  readonly withinMs: number;
  /** The SSH connection that applies, if it is one. */
  readonly connection?: string;
  /**
   * Tells the process that outlives this one when to revert (milliseconds since boot), and proves that it lives. Called
   * before the first write and again when the new state stands. AwgError when nobody would revert.
   */
  readonly arm: (deadlineMs: number) => Promise<void>;
}

/** A plan with what is to be accepted when it holds. */
export interface Proposal {
  readonly verb: Verb;
  readonly desired: DesiredState;
  readonly configHash: string;
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** What a repair leaves as it finds it, for somebody else has what it needs. */
  readonly leave?: ReadonlySet<ResourceKey>;
}

/** How a transaction ended (law 5): exactly the new state, exactly the old one, or blocked; exit codes follow from it. */
export type Outcome =
  /** Nothing had to change; `generation` is what holds. */
  | {
      readonly kind: "inSync";
      readonly generation: number;
      readonly unaccepted?: unknown;
      /** Its secrets, or some of them, had been lost and are kept again. */
      readonly isRestored?: true;
    }
  | {
      readonly kind: "applied";
      readonly generation: number;
      /** Set when the machine is right but the acceptance could not be written; the next writing verb does it. */
      readonly unaccepted?: unknown;
    }
  /** The new state stands and waits for `awg confirm`; the transaction is still open. */
  | { readonly kind: "unconfirmed"; readonly proposed: Generation; readonly deadlineMs: number }
  | {
      readonly kind: "rolledBack";
      readonly cause: unknown;
      readonly interruptedBy?: StopSignal;
      /** Set when the machine is restored but the journal could not be closed; the next writing verb does it. */
      readonly unclosed?: unknown;
    }
  | {
      readonly kind: "rollbackIncomplete";
      readonly cause: unknown;
      readonly rollbackCause: unknown;
      /** Where the open journal is. */
      readonly journal: string;
      /** Whether a policy of ours is known to stand: what old and new both allow, or nothing. */
      readonly blocked: boolean;
      readonly interruptedBy?: StopSignal;
    };

/** Milliseconds since boot, sleep included. */
export function bootTimeMs({ clock }: Pick<ApplyDeps, "clock">): number {
  return (clock.bootMs ?? clock.nowMs)();
}

/** What traffic may do after a way back that failed, for people. Which policy stands depends on how far the machine let it come. Pure. */
export function trafficAfter({ blocked }: { readonly blocked: boolean }): string {
  return blocked
    ? "traffic is blocked but for what the packet filter that stands lets pass"
    : "no packet filter of awg's is known to stand";
}
