/** What the daemon remembers of its config files between two looks. Plain data; the functions below are pure. */
export interface ProposalState {
  readonly isFirstLook: boolean;
  /** The config seen last, unless it should be proposed again. */
  readonly seen: string | undefined;
  /** The config that failed last, and how often in a row. */
  readonly failed: { readonly hash: string; readonly times: number };
}

/** The result of a look at the files. */
export interface ConfigLook {
  readonly hash: string;
  /** The config of the accepted generation; undefined before the first. */
  readonly accepted: string | undefined;
  /** The config that was proposed to the end, and the one that was reverted without confirmation. */
  readonly settled: string | undefined;
  readonly refused: string | undefined;
}

/** What to do with the config of a look. */
export interface ProposalDecision {
  /** `repair`: plan the accepted config; `propose`: plan the edited one; `keep`: plan the accepted state without a file. */
  readonly plan: "repair" | "propose" | "keep";
  /** The config is accepted already: record it as proposed. */
  readonly settles: boolean;
  /** The files were proposed before this daemon started, and another state was accepted since. */
  readonly isSuperseded: boolean;
}

/** A failed config is proposed this many times before it has to be edited. */
export const MOST_TRIES = 3;

export const NO_PROPOSAL: ProposalState = { isFirstLook: true, seen: undefined, failed: { hash: "", times: 0 } };

/** Decides about the files of one look. A config is proposed once, unless it is edited or could not be planned. */
export function decideProposal(state: ProposalState, look: ConfigLook): ProposalDecision {
  const isAccepted = look.hash === look.accepted;
  const isNew = look.hash !== look.settled && look.hash !== look.refused;
  const isEdited = isNew && look.hash !== state.seen;
  return {
    plan: isAccepted ? "repair" : isEdited ? "propose" : "keep",
    settles: isAccepted && isNew,
    isSuperseded: !isAccepted && !isNew && state.isFirstLook,
  };
}

/** After a look. */
export function afterLook(state: ProposalState, { hash }: ConfigLook): ProposalState {
  return { ...state, isFirstLook: false, seen: hash };
}

/** After a config that could not be planned yet, such as for a name that does not resolve: propose it at the next look. */
export function afterUnplanned(state: ProposalState): ProposalState {
  return { ...state, seen: undefined };
}

/** After a config that was rolled back. One that waited for another awg was not tried. */
export function afterFailure(state: ProposalState, hash: string, wasDelayed: boolean): ProposalState {
  if (wasDelayed) return afterUnplanned(state);
  const failed = { hash, times: state.failed.hash === hash ? state.failed.times + 1 : 1 };
  return failed.times < MOST_TRIES ? afterUnplanned({ ...state, failed }) : { ...state, failed };
}

/** Whether this config failed so often that it is not tried again until it is edited. */
export function isGivenUp({ failed }: ProposalState, hash: string): boolean {
  return failed.hash === hash && failed.times >= MOST_TRIES;
}
