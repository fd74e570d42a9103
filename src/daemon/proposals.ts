import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LoadedConfig, SourceFile } from "../app/load/loaded-config.ts";
import { readRegularFile } from "../app/load/read-config-file.ts";
import type { Planned, UnansweredEndpoints } from "../app/plan/planned.ts";
import { renderProblem } from "../config/problem.ts";
import { linesByName } from "../config/source/entry-lines.ts";
import { messageOf } from "../model/error.ts";
import { afterFailure, afterLook, afterUnplanned, decideProposal, isGivenUp, NO_PROPOSAL } from "./proposal-state.ts";
import { type ReconcileIntervals, reconcileIntervalsOf } from "./reconcile-intervals.ts";
import type { UseCases } from "./use-cases.ts";

/** A plan, whether it is a proposal, and the intervals of its file, if it comes from a file. */
export interface Proposal {
  readonly planned: Planned;
  readonly proposed: boolean;
  /** It ends what was asked for a time: a request of a person, and no file's. */
  readonly endsOverride?: true;
  /** The files have another config, which is not to be applied. */
  readonly filesNotApplied?: boolean;
  /** `file:line` of each tunnel and rule in the files, as far as they are those of the accepted config. */
  readonly entryLines?: Readonly<Record<string, string>>;
  readonly intervals: ReconcileIntervals | undefined;
}

/** Chooses the next plan: the files' if they are new, else the accepted state's. */
export interface Proposals {
  next(): Promise<Proposal>;
  /**
   * This config was rolled back. It is tried again, since others may have changed the host meanwhile; after the third time
   * only once it is edited, which is reported. A config that had to wait for another awg was not tried.
   */
  noteFailure(configHash: string, wasDelayed: boolean): Promise<void>;
  /** This config was applied: a restarted daemon does not propose it again, whatever is applied by hand since. */
  noteSuccess(configHash: string): Promise<void>;
}

type ProposalUseCases = Pick<
  UseCases,
  "acceptedGeneration" | "planAccepted" | "planEndOfOverride" | "load" | "plan" | "readProposals" | "settleProposal"
>;

/**
 * The accepted generation is the desired state. Files only propose, and each text once, also after a restart: a person may
 * have applied, rolled back or destroyed since. A config with errors is reported once; the last good one stays.
 */
export function readProposals(
  useCases: ProposalUseCases,
  paths: readonly string[],
  report: (text: string) => void,
  unanswered: () => UnansweredEndpoints = () => ({}),
): Proposals {
  let state = NO_PROPOSAL;
  const reported = new Set<string>();
  const reportOnce = (id: string, text: string): void => {
    if (reported.has(id)) return;
    reported.add(id);
    report(text);
  };
  const settle = async (hash: string): Promise<void> => {
    try {
      await useCases.settleProposal(hash);
    } catch (error) {
      reportOnce(`settle ${messageOf(error)}`, `cannot save which config was proposed: ${messageOf(error)}`);
    }
  };
  return {
    async next() {
      const ending = await useCases.planEndOfOverride();
      if (ending !== undefined) return { planned: ending, proposed: true, endsOverride: true, intervals: undefined };
      const accepted = await useCases.acceptedGeneration();
      const repair = (planned: Planned, intervals?: ReconcileIntervals): Proposal => ({
        planned: { ...planned, repairs: accepted?.number ?? 0 },
        proposed: false,
        intervals,
      });
      const keep = async () => repair(await useCases.planAccepted());
      const loaded = await load(useCases, paths, reportOnce);
      if (loaded === undefined) return { ...(await keep()), filesNotApplied: true };
      const { settled, refused } = await useCases.readProposals();
      const look = { hash: loaded.hash, accepted: accepted?.configHash, settled, refused };
      const { plan, settles, isSuperseded } = decideProposal(state, look);
      state = afterLook(state, look);
      if (settles) await settle(loaded.hash);
      if (isSuperseded)
        report("the config was proposed before and another state was accepted since; edit it or run awg apply -f");
      const isRepair = plan === "repair";
      const lines = { entryLines: isRepair ? (loaded.entryLines ?? {}) : linesByName(loaded.entryLines ?? {}) };
      if (plan === "keep") return { ...(await keep()), ...lines, filesNotApplied: true };
      const intervals = reconcileIntervalsOf(loaded.config);
      try {
        const planned = await useCases.plan(loaded, { unanswered: unanswered(), isRepair });
        return isRepair
          ? { ...repair(planned, intervals), ...lines }
          : { planned, proposed: true, intervals, ...lines };
      } catch (error) {
        state = afterUnplanned(state);
        const why = messageOf(error);
        reportOnce(`${loaded.hash} ${why}`, `the config cannot be applied: ${why}; the accepted state stays`);
        return { ...(await keep()), ...lines, filesNotApplied: true };
      }
    },
    noteSuccess: settle,
    async noteFailure(configHash, wasDelayed) {
      state = afterFailure(state, configHash, wasDelayed);
      if (wasDelayed || !isGivenUp(state, configHash)) return;
      await settle(configHash);
      report(
        `the config was rolled back ${state.failed.times} times and is not tried again until it is edited; the accepted state stays`,
      );
    },
  };
}

type ValidConfig = LoadedConfig & { readonly config: NonNullable<LoadedConfig["config"]> };

async function load(
  useCases: ProposalUseCases,
  paths: readonly string[],
  reportOnce: (hash: string, text: string) => void,
): Promise<ValidConfig | undefined> {
  let files: readonly SourceFile[];
  try {
    files = readSourceFiles(paths);
  } catch (error) {
    reportOnce(messageOf(error), `the config cannot be read: ${messageOf(error)}; the last good one stays`);
    return undefined;
  }
  const loaded = await useCases.load(files);
  if (loaded.config !== undefined) return { ...loaded, config: loaded.config };
  for (const problem of loaded.problems) {
    const text = renderProblem(problem, { color: false, excerpt: false });
    reportOnce(`${loaded.hash} ${text}`, text);
  }
  return undefined;
}

/** The config files at these paths, those of a folder in order. Throws what reading throws. */
export function readSourceFiles(paths: readonly string[]): readonly SourceFile[] {
  return paths.flatMap(readPath);
}

function readPath(path: string): readonly SourceFile[] {
  if (!statSync(path).isDirectory()) return [readRegularFile(path)];
  return readdirSync(path)
    .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
    .sort()
    .flatMap((name) => readPath(join(path, name)));
}
