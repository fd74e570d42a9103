import type { Config } from "../config/config.ts";
import type { Problem } from "../config/problem.ts";
import type { AwgError } from "../model/error.ts";
import type { Plan } from "../model/plan.ts";
import type { DesiredState, Enforcement, FieldChange, Resource, ResourceKey } from "../model/resource.ts";
import type { EngineSilence } from "../model/resources/tunnel.ts";
import type { Verdict } from "../reconciler/apply/confirm.ts";
import type { ProgressEvent, StopQuestion } from "../reconciler/apply/outcome.ts";
import type { Verb } from "../reconciler/apply/record.ts";
import type { Generation } from "../reconciler/apply/stores.ts";
import type { Ledger } from "../reconciler/plan/ledger.ts";
import type { Selection } from "../reconciler/plan/selection.ts";
import type { Verified } from "../verify/finding.ts";
import type { Reverted, RevertOptions } from "./apply/confirmation.ts";
import type { SshRisk } from "./apply/ssh-risk.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { ExplainQuestion } from "./explain/question.ts";
import type { GenerationDifference } from "./history/compare.ts";
import type { HistoryEntry } from "./history/history.ts";
import type { ProgramsReport, ProgramWatchEvent } from "./programs/program-report.ts";
import type { DriftReport } from "./status/drift.ts";
import type { MainRuleMissing } from "./status/main-rule.ts";
import type { OpenChange } from "./status/open-change.ts";
import type { VerifyReport } from "./verify/verify-machine.ts";

export type { ProgressEvent, StopSignal } from "../reconciler/apply/outcome.ts";
export type { Selection } from "../reconciler/plan/selection.ts";
export type { SshRisk } from "./apply/ssh-risk.ts";

/** Which machine and where its state lies. */
export interface SessionOptions {
  /**
   * `simulated` machines live in a file, or only as long as the process. One whose file is not there yet begins as the
   * one in `beginsAs`, which is only read, or as a laptop.
   */
  readonly host:
    | { readonly kind: "linux" }
    | { readonly kind: "simulated"; readonly file?: string; readonly beginsAs?: string };
  readonly stateDir?: string;
  readonly runDir?: string;
  readonly allowInsecurePermissions: boolean;
  /** Nobody called it: whoever sudo came from is trusted no more than others. */
  readonly isUnattended?: boolean;
  /** Somebody sits at a terminal and asks for a change or its plan: whom macOS can ask about a system extension. */
  readonly isAttended?: boolean;
  /**
   * Of a session that only reads: it goes on without a keeper that does not answer, by what the kernel tells, and says so
   * here once. Any other fails then, before it writes.
   */
  readonly onSilentKeeper?: (silence: AwgError) => void;
  readonly environment: NodeJS.ProcessEnv;
}

/** One config file as read. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  /** Permission bits, where it is a file; and whose it is. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface LoadedConfig {
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  readonly hash: string;
  readonly sources: readonly string[];
  /** `file:line:column` of each reference to a secret, by the reference as JSON. */
  readonly secretPlaces?: Readonly<Record<string, string>>;
  /** `file:line:column` of each use of a feature that some machine may lack, by its path. */
  readonly featurePlaces?: Readonly<Record<string, string>>;
}

/** Something a person should know that stops nothing. */
export interface SessionNote {
  readonly path: string;
  readonly message: string;
  readonly enforcement?: Enforcement;
  /** Something that works stops working, or a change has not ended: `awg diff` says it, too. */
  readonly isWarning?: true;
}

/** A plan with all that was known when it was made. */
export interface Planned {
  readonly verb: Verb;
  readonly plan: Plan;
  /** What the plan was made from besides a machine at rest; absent where it is always made anew before it is carried out. */
  readonly ledger?: Ledger;
  readonly desired: DesiredState;
  readonly configHash: string;
  readonly fingerprint: string;
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** The files the config was read from, absolute; - is standard input. */
  readonly sources: readonly string[];
  readonly notes: readonly SessionNote[];
  /** One sentence: what happens to traffic. */
  readonly traffic: string;
  /** What of the config was asked for; absent where all of it was. */
  readonly selection?: Selection;
  /** Resources that are made anew although nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** Of a repair: the number of the accepted generation that it puts back, 0 for none. Once another holds it is refused. */
  readonly repairs?: number;
  /** What a repair leaves as it finds it, with a sentence that says who has what it needs. */
  readonly held?: ReadonlyMap<ResourceKey, string>;
  /** Every endpoint of each peer that has a name, by device and public key, in the order in which they are tried. */
  readonly alternatives?: Readonly<Record<string, readonly string[]>>;
}

/** Endpoints that did not answer, by device and public key, the one that failed longest ago first. */
export type UnansweredEndpoints = Readonly<Record<string, readonly string[]>>;

/** How a daemon plans the config that it was given. */
export interface DaemonPlanning {
  readonly unanswered: UnansweredEndpoints;
  /** Whether the config was accepted, so that its plan puts back what others changed. */
  readonly isRepair: boolean;
}

export interface ApplyHooks {
  readonly onEvent: (event: ProgressEvent) => void;
  /** Asked between batches: a signal wants the apply undone. */
  readonly shouldStop: StopQuestion;
  /** The new state is reverted unless it is confirmed within this time; undefined accepts it at once. */
  readonly confirmWithinMs?: number;
}

export interface ResourceStatus {
  readonly key: ResourceKey;
  readonly enforcement: Enforcement;
  readonly ready: boolean;
  readonly drift: readonly FieldChange[];
  readonly summary: string;
  /** Of a tunnel whose engine runs. */
  readonly tunnel?: TunnelStatus;
  /** Of a tunnel whose engine is there and does not answer. */
  readonly silence?: EngineSilence;
}

/** What a tunnel's engine says of itself; nothing of it is secret. */
export interface TunnelStatus {
  /** The protocol and its generation: "wireguard", "amneziawg 2.0". */
  readonly wire: string;
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly publicKey: string;
  readonly endpoint?: string;
  /** Since the epoch; 0 means never. */
  readonly lastHandshakeSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** 0 is off. */
  readonly keepaliveSeconds: number;
  /** Initiations sent since the last handshake, and since the peer was last heard; absent where the engine does not tell. */
  readonly unansweredHandshakes?: number;
  /** Of the last handshake that this end began; absent where the engine does not tell. */
  readonly roundTripMs?: number;
  /** What the peer sent, as the gaps of its counters tell, and how much of it did not come (late ones included). */
  readonly messages?: { readonly expected: number; readonly lost: number };
}

export interface Condition {
  readonly type: "Ready" | "Protected" | "Drifted" | "Stalled";
  readonly status: boolean;
  readonly reason: string;
  /**
   * ISO 8601. What is as the last apply left it is so since then; an apply that was cut short is open since it began. When
   * anything else came about nobody watched: then it is absent.
   */
  readonly since?: string;
}

export interface Status {
  readonly generation: number;
  readonly conditions: readonly Condition[];
  readonly resources: readonly ResourceStatus[];
  /** Where a change is open that was cut short, or that failed and whose way back did too. */
  readonly openJournal: string | undefined;
  /** What that change is, or the one that waits to be confirmed. */
  readonly openChange?: OpenChange;
  /** A change that is reverted unless it is confirmed in time. */
  readonly awaiting?: Awaiting;
  /** Tunnels that are down and whose fallback is in force; absent where there is none. */
  readonly fallback?: readonly FallenBack[];
  /** Why the keeper does not answer, and what to do; absent where it does, or none runs. */
  readonly silentKeeper?: AwgError;
  /** Absent where it stands, or no policy rule of awg's is to. */
  readonly mainRuleMissing?: MainRuleMissing;
}

/** What goes directly because its tunnel is down. */
export interface FallenBack {
  readonly device: string;
  /** As the configuration calls them: "rules/2 (browser)", "default". */
  readonly rules: readonly string[];
}

export interface Awaiting {
  readonly generation: number;
  readonly secondsLeft: number;
}

/** A state that waits to be confirmed. */
export interface Unconfirmed {
  readonly proposed: Generation;
  /** Milliseconds since boot. */
  readonly deadlineMs: number;
  /** Whether another process reverts it. */
  readonly isWatched: boolean;
}

export interface Applied {
  readonly generation: number;
  /** Whether anything of the machine was written. */
  readonly changed: boolean;
  /** Present where a generation was accepted although the machine stayed as it was. */
  readonly recorded?: true;
  /** Present when it waits to be confirmed. */
  readonly unconfirmed?: Unconfirmed;
  /** Why it could not be written that this was accepted, as on a full disk; the next writing verb writes it. */
  readonly unaccepted?: string;
  /** What of the machine's own could not be put back and why; where it is kept, and how a person does it. */
  readonly kept?: string;
}

/** What a verb can do with a machine. Methods that only read never write anything, state folder included (law 2). */
export interface Session extends AsyncDisposable {
  load(sources: readonly SourceFile[]): Promise<LoadedConfig>;
  /** The plan to a config, or to what a selection takes of it (AwgError usage where that would not be leak-safe). */
  plan(loaded: LoadedConfig, selection?: Selection): Promise<Planned>;
  /**
   * The same for an apply that asks nobody: the lock is taken first and kept until the plan is carried out or the session
   * closed, so that the machine need not be read again before.
   */
  planAndHold(loaded: LoadedConfig, selection?: Selection): Promise<Planned>;
  /** The plan that removes everything awg made. */
  planDestroy(): Promise<Planned>;
  /** AwgError locked while an applied state waits to be confirmed: until then nothing else is applied. */
  refuseAwaiting(): Promise<void>;
  /** Takes the lock unless it is held for this plan, recovers an open journal, carries the plan out; throws AwgError when it did not succeed. */
  apply(planned: Planned, hooks: ApplyHooks): Promise<Applied>;
  /**
   * Told why a verb failed: where that is a state that cannot be read, the error that it gives says how traffic stands, and
   * `protect`, for verbs that change the machine, first makes a policy stand if none does: also where they failed for anything
   * else and the accepted one is gone.
   */
  ifUnreadable(cause: unknown, then: "protect" | "tell"): Promise<unknown>;
  /** Accepts the state that waits for it and gives its number; AwgError usage, unconfirmed or locked when that cannot be. */
  confirm(): Promise<number>;
  /** Restores what stood before an open transaction; undefined when there was nothing to undo. */
  revert(options: RevertOptions): Promise<Reverted | undefined>;
  /** How a state that waits to be confirmed stands by now. */
  verdict(proposed: Generation): Promise<Verdict>;
  secondsLeft(deadlineMs: number): Promise<number>;
  /** The plan back to an accepted generation; undefined is the one before the one that holds. */
  planRollback(number: number | undefined): Promise<Planned>;
  /** The generations that are kept, the latest last. */
  history(): Promise<readonly HistoryEntry[]>;
  /** Why the plan would cut the SSH connection this process was started over; undefined when it would not. */
  sshRisk(planned: Planned): Promise<SshRisk | undefined>;
  /** Whether this process was started over an SSH connection that this machine's network carries. */
  readonly isOverSsh: boolean;
  /** A saved plan, refused (stale-plan) when config, machine or generation are others now. */
  readSavedPlan(text: string): Promise<Planned>;
  renderSavedPlan(planned: Planned): string;
  status(): Promise<Status>;
  /** What the machine changed since the last accepted state. */
  drift(): Promise<DriftReport>;
  /** What differs between two accepted generations. */
  compare(from: number, to: number): Promise<readonly GenerationDifference[]>;
  /** Holds the machine against the accepted policy, for every packet there can be. */
  verify(): Promise<VerifyReport>;
  /** Proves every state on the way of a plan before anything is written. */
  verifyPlan(planned: Planned): Promise<Verified>;
  /** What becomes of one flow, declared and on the machine. */
  explain(question: ExplainQuestion): Promise<Explanation>;
  /** All programs with the rule of a config, or of the accepted state, that would apply to each. */
  programs(config?: Config): Promise<ProgramsReport>;
  /** Tells of programs that start and end until disposed. */
  watchPrograms(config: Config | undefined, onEvent: (event: ProgramWatchEvent) => void): Promise<AsyncDisposable>;
  observed(): Promise<readonly Resource[]>;
  accepted(): Promise<readonly Resource[]>;
}
