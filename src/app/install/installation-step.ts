/** One thing that makes up an installation. Doing it twice equals doing it once. */
export interface InstallationStep {
  /** For people: "service awg.service". */
  readonly what: string;
  /** Whether nothing is left to add. */
  readonly isAsWanted: () => Promise<boolean>;
  /** Whether there is anything to remove; a step without it goes with another one. */
  readonly exists?: () => Promise<boolean>;
  readonly add: () => Promise<void>;
  readonly remove?: () => Promise<void>;
  /** Whether nothing of others would go with it; absent where nothing can. */
  readonly mayGo?: () => Promise<boolean>;
  /** Whether awg removes it only if recorded as made by awg: it has no mark of its own. */
  readonly needsRecord: boolean;
}

export type StepOutcome = "kept" | "done" | "would-be-done" | "absent" | "left";

export interface StepReport {
  readonly what: string;
  readonly outcome: StepOutcome;
}

/**
 * Adds missing things in order. `recorded` lists what earlier runs made. It gets each thing before the thing is made,
 * so that a crash in between leaves nothing unrecorded.
 */
export async function addSteps(
  steps: readonly InstallationStep[],
  dryRun: boolean,
  record: (what: string) => void,
): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for (const { what, isAsWanted, add } of steps) {
    if (await isAsWanted()) reports.push({ what, outcome: "kept" });
    else if (dryRun) reports.push({ what, outcome: "would-be-done" });
    else {
      record(what);
      await add();
      reports.push({ what, outcome: "done" });
    }
  }
  return reports;
}

/** Removes what awg made, last first; a thing without a mark only if it is recorded. */
export async function removeSteps(
  steps: readonly InstallationStep[],
  dryRun: boolean,
  recorded: ReadonlySet<string>,
): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for (const { what, exists, remove, mayGo, needsRecord } of steps.toReversed()) {
    if (exists === undefined || remove === undefined) continue;
    if (!(await exists())) reports.push({ what, outcome: "absent" });
    else if ((needsRecord && !recorded.has(what)) || (await mayGo?.()) === false)
      reports.push({ what, outcome: "left" });
    else if (dryRun) reports.push({ what, outcome: "would-be-done" });
    else {
      await remove();
      reports.push({ what, outcome: "done" });
    }
  }
  return reports;
}
