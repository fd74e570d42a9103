import type { Plan } from "../../model/plan.ts";
import type { Enforcement, ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Verb } from "../../reconciler/journal/journal-record.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import type { Selection } from "../../reconciler/plan/selection.ts";

export type { Selection } from "../../reconciler/plan/selection.ts";

/** Something a person should know that stops nothing. */
export interface PlanNote {
  readonly path: string;
  readonly message: string;
  readonly enforcement?: Enforcement;
  /** Something that works stops working, or a change is incomplete: `awg diff` prints these notes too. */
  readonly isWarning?: true;
}

/** A plan with everything that was known when it was made. */
export interface Planned {
  readonly verb: Verb;
  readonly plan: Plan;
  /** The ledger that the plan was made from; absent if the plan is always made again before it is executed. */
  readonly ledger?: Ledger;
  readonly desired: DesiredState;
  readonly configHash: string;
  readonly fingerprint: string;
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** Absolute paths of the config files; - is standard input. */
  readonly sources: readonly string[];
  readonly notes: readonly PlanNote[];
  /** Local lists that the rules read; absent without any. */
  readonly listFiles?: readonly string[];
  /** One sentence: what happens to traffic. */
  readonly traffic: string;
  /** The selected part of the config; absent for the whole. */
  readonly selection?: Selection;
  /** Resources to replace although nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** The name servers that the host has again afterwards. */
  readonly returning?: readonly string[];
  /** A destroy of what the state folder has no record of: former values of kernel settings are lost. */
  readonly unrecorded?: true;
  /** For a repair: the accepted generation that it restores, 0 for none. Refused if another generation was accepted since. */
  readonly repairs?: number;
  /** Resources that a repair skips, each with a sentence that names the holder. */
  readonly held?: ReadonlyMap<ResourceKey, string>;
  /** All endpoints of each peer that is named by a host name, by device and public key, in the order to try them. */
  readonly alternatives?: Readonly<Record<string, readonly string[]>>;
  /** Names of endpoints that do not resolve, by device and public key, where the peer has no earlier endpoint. */
  readonly unresolved?: Readonly<Record<string, string>>;
}

/** Endpoints that did not respond, by device and public key; the earliest failure first. */
export type UnansweredEndpoints = Readonly<Record<string, readonly string[]>>;

/** Which tunnels are down on request, and until when that holds. */
export interface Standing extends Pick<DesiredState, "override"> {
  readonly down: readonly string[];
}

/** How a config is planned beside what it says. */
export interface ConfigPlanning extends DaemonPlanning {
  /** What is to be down, and until when; as in the accepted state where absent. */
  readonly standing: Standing;
}

/** How a daemon plans its config. */
export interface DaemonPlanning {
  readonly unanswered: UnansweredEndpoints;
  /** The config is already accepted, so the plan restores what others changed. */
  readonly isRepair: boolean;
}
