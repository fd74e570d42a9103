import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LoadedConfig, SourceFile } from "../app/load/loaded-config.ts";
import { readRegularFile } from "../app/load/read-config-file.ts";
import type { Planned, UnansweredEndpoints } from "../app/plan/planned.ts";
import { renderProblem } from "../config/problem.ts";
import { messageOf } from "../model/error.ts";
import { type Rhythm, rhythmOf } from "./reconcile-intervals.ts";
import type { UseCases } from "./use-cases.ts";

/** A plan, whether it is new, and the rhythm its file asks for, where a file stands behind it. */
interface Proposal {
  readonly planned: Planned;
  readonly proposed: boolean;
  readonly rhythm: Rhythm | undefined;
}

/** Which plan is next: the files' when they say something new, else the accepted state's. */
export interface Proposals {
  next(): Promise<Proposal>;
  /**
   * This config was tried and rolled back. It is tried again, since others may have changed the machine meanwhile; after
   * the third time not until it is edited, which is reported. One that had to wait for another awg has not been tried.
   */
  noteFailure(configHash: string, wasDelayed: boolean): Promise<void>;
  /** This config was carried out: a daemon that is started again does not propose it, whatever is applied by hand since. */
  noteSuccess(configHash: string): Promise<void>;
}

const MOST_TRIES = 3;

type ProposalSession = Pick<
  UseCases,
  "acceptedGeneration" | "planAccepted" | "load" | "plan" | "readProposals" | "settleProposal"
>;

/**
 * The accepted generation is the desired state; files only propose, and each text once, also when the daemon is started
 * again: what was applied by hand since, a rollback or a destroy among it, is what somebody wanted. A config with errors
 * is reported once and otherwise ignored: the last good one stays.
 */
export function readProposals(
  useCases: ProposalSession,
  paths: readonly string[],
  report: (text: string) => void,
  unanswered: () => UnansweredEndpoints = () => ({}),
): Proposals {
  let failed = { hash: "", times: 0 };
  let lastHash: string | undefined;
  let isFirstLook = true;
  const reported = new Set<string>();
  const once = (hash: string, text: string): void => {
    if (reported.has(hash)) return;
    reported.add(hash);
    report(text);
  };
  const settle = async (hash: string): Promise<void> => {
    try {
      await useCases.settleProposal(hash);
    } catch (error) {
      once(`settle ${messageOf(error)}`, `that the config was proposed cannot be noted: ${messageOf(error)}`);
    }
  };
  return {
    async next() {
      const accepted = await useCases.acceptedGeneration();
      const repair = (planned: Planned, rhythm?: Rhythm): Proposal => ({
        planned: { ...planned, repairs: accepted?.number ?? 0 },
        proposed: false,
        rhythm,
      });
      const standing = async () => repair(await useCases.planAccepted());
      const loaded = await load(useCases, paths, once);
      if (loaded === undefined) return standing();
      const rhythm = rhythmOf(loaded.config);
      const { settled, refused } = await useCases.readProposals();
      const isNew = loaded.hash !== settled && loaded.hash !== refused;
      const isAccepted = loaded.hash === accepted?.configHash;
      if (isAccepted && isNew) await settle(loaded.hash);
      if (!isAccepted && !isNew && isFirstLook) {
        report("the config was proposed before and something else holds since; edit it, or say awg apply -f");
      }
      isFirstLook = false;
      const isEdited = isNew && loaded.hash !== lastHash;
      lastHash = loaded.hash;
      // Not edited and not accepted: somebody applied another one by hand meanwhile, or it failed too often.
      if (!isEdited && !isAccepted) return standing();
      try {
        const planned = await useCases.plan(loaded, { unanswered: unanswered(), isRepair: isAccepted });
        return isAccepted ? repair(planned, rhythm) : { planned, proposed: true, rhythm };
      } catch (error) {
        // A name that does not resolve yet, a key that is not there yet: it is proposed again at the next look.
        lastHash = undefined;
        once(
          `${loaded.hash} ${messageOf(error)}`,
          `the config cannot be carried out: ${messageOf(error)}; the accepted state stays`,
        );
        return standing();
      }
    },
    noteSuccess: settle,
    async noteFailure(configHash, wasDelayed) {
      if (!wasDelayed) failed = { hash: configHash, times: failed.hash === configHash ? failed.times + 1 : 1 };
      if (wasDelayed || failed.times < MOST_TRIES) {
        lastHash = undefined;
        return;
      }
      await settle(configHash);
      report(
        `the config was rolled back ${failed.times} times and is not tried again until it is edited; the accepted state stays`,
      );
    },
  };
}

type ValidConfig = LoadedConfig & { readonly config: NonNullable<LoadedConfig["config"]> };

async function load(
  useCases: ProposalSession,
  paths: readonly string[],
  once: (hash: string, text: string) => void,
): Promise<ValidConfig | undefined> {
  let files: readonly SourceFile[];
  try {
    files = paths.flatMap(readPath);
  } catch (error) {
    once(messageOf(error), `the config cannot be read: ${messageOf(error)}; the last good one stays`);
    return undefined;
  }
  const loaded = await useCases.load(files);
  if (loaded.config !== undefined) return { ...loaded, config: loaded.config };
  for (const problem of loaded.problems) {
    const text = renderProblem(problem, { color: false, excerpt: false });
    once(`${loaded.hash} ${text}`, text);
  }
  return undefined;
}

function readPath(path: string): readonly SourceFile[] {
  if (!statSync(path).isDirectory()) return [readRegularFile(path)];
  return readdirSync(path)
    .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
    .sort()
    .flatMap((name) => readPath(join(path, name)));
}
