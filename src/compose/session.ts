import type { MachineFacts } from "../host/ports/facts.ts";
import type { Config } from "../model/config/config.ts";
import type { Problem } from "../model/config/problem.ts";
import type { Plan } from "../model/plan.ts";
import type { DesiredState, Enforcement, FieldChange, Resource, ResourceKey } from "../model/resource.ts";

/** Which machine and where its state lies. */
export interface SessionOptions {
  /** `simulated` machines live in a file, or only as long as the process. */
  readonly host: { readonly kind: "linux" } | { readonly kind: "simulated"; readonly file?: string };
  readonly stateDir?: string;
  readonly runDir?: string;
  readonly allowInsecurePermissions: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

/** One config file as read. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  /** Permission bits, where it is a file. */
  readonly mode?: number;
}

export interface LoadedConfig {
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  readonly hash: string;
}

/** Something a person should know that stops nothing. */
export interface SessionNote {
  readonly path: string;
  readonly message: string;
  readonly enforcement?: Enforcement;
}

/** A plan with all that was known when it was made. */
export interface Planned {
  readonly plan: Plan;
  readonly desired: DesiredState;
  readonly configHash: string;
  readonly fingerprint: string;
  readonly facts: MachineFacts;
  readonly notes: readonly SessionNote[];
  /** One sentence: what happens to traffic. */
  readonly traffic: string;
}

export type ApplyEvent =
  | { readonly type: "recovering"; readonly journal: string }
  | {
      readonly type: "batch";
      readonly phase: string;
      readonly kind: string;
      readonly keys: readonly string[];
      readonly index: number;
      readonly total: number;
    }
  | { readonly type: "verifying"; readonly attempt: number }
  | { readonly type: "rolling-back"; readonly reason: string };

export interface ApplyHooks {
  readonly onEvent: (event: ApplyEvent) => void;
  /** Asked between batches: a signal wants the apply undone. */
  readonly shouldStop: () => boolean;
}

export interface ResourceStatus {
  readonly key: ResourceKey;
  readonly enforcement: Enforcement;
  readonly ready: boolean;
  readonly drift: readonly FieldChange[];
  readonly summary: string;
}

export interface Condition {
  readonly type: "Ready" | "Protected" | "Drifted" | "Stalled";
  readonly status: boolean;
  readonly reason: string;
  /** ISO 8601, when the generation was accepted; undefined where nothing was ever applied. */
  readonly since?: string;
}

export interface Status {
  readonly generation: number;
  readonly conditions: readonly Condition[];
  readonly resources: readonly ResourceStatus[];
  readonly openJournal: string | undefined;
}

/** What a verb can do with a machine. Methods that only read never write anything, state folder included (law 2). */
export interface Session extends AsyncDisposable {
  load(sources: readonly SourceFile[]): Promise<LoadedConfig>;
  plan(loaded: LoadedConfig): Promise<Planned>;
  /** The plan that removes everything awg made. */
  planDestroy(): Promise<Planned>;
  /** Takes the lock, recovers an open journal, carries the plan out; throws AwgError when it did not succeed. */
  apply(planned: Planned, hooks: ApplyHooks): Promise<{ readonly generation: number; readonly changed: boolean }>;
  /** A saved plan, refused (stale-plan) when config, machine or generation are others now. */
  readSavedPlan(text: string): Promise<Planned>;
  renderSavedPlan(planned: Planned): string;
  status(): Promise<Status>;
  observed(): Promise<readonly Resource[]>;
  accepted(): Promise<readonly Resource[]>;
}
