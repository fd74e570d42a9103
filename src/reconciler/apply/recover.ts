import { isClaim } from "../../model/plan.ts";
import { lifecycleOfNothing } from "../../model/resources/lifecycle.ts";
import { driverOf } from "../plan/observation.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { acceptState } from "./accept.ts";
import { finishTransaction } from "./execute.ts";
import { observeMachine } from "./observe.ts";
import { type ApplyDeps, bootTimeMs, type Outcome, type Proposal } from "./outcome.ts";
import {
  awaitedError,
  isAwaited,
  nextIndex,
  type OpenTransaction,
  readOpenTransaction,
  type Verb,
  whyRolledBack,
} from "./record.ts";
import { ledgerOfJournal } from "./restore-old.ts";
import { touchedPlaces } from "./restored.ts";
import { loadedFirstPolicy, type RollbackResult, rollBack, rollBackBehindPolicy } from "./roll-back.ts";

/**
 * Ends a transaction that a crash left open; every writing verb calls it first, with the lock held. A verified one is
 * accepted; an interrupted destroy goes on to its end, and any transaction does when `verb` is destroy (what it would
 * restore is to go anyway), unless it was taking over another program's device; anything else is rolled back. One that waits for a confirmation in time is left alone, and
 * AwgError locked says so. Safe against crashes of its own. undefined when there was
 * nothing to do.
 */
export async function recoverOpenJournal(deps: ApplyDeps, verb: Verb = "apply"): Promise<Outcome | undefined> {
  const { journal } = deps.stores;
  const open = await readOpenTransaction(journal);
  if (open === undefined) return undefined;
  if (open.accept !== undefined) {
    await acceptState(deps.stores, open.accept.generation, open.accept.ledger);
    return { kind: "applied", generation: open.accept.generation.number };
  }
  if (isAwaited(open, bootTimeMs(deps))) throw awaitedError(open, bootTimeMs(deps));
  const goesOn = open.begin.verb === "destroy" && open.rollbackCause === undefined;
  if (goesOn || (verb === "destroy" && (await takenOver(deps, open)).length === 0))
    return await finishDestroy(deps, open);
  const why = open.rollbackCause ?? whyRolledBack(open);
  return isHalfDestroyed(open) ? await undoDestroy(deps, open, why) : await rollBackOpen(deps, open, why);
}

/** The journal stays open for the next state, which is carried out behind the packet filter that stands. */
export interface Held {
  readonly kind: "held";
  /** Number of the next batch, for `executePlan`. */
  readonly firstIndex: number;
}

/** What is to be carried out once nothing is open. */
type Towards = Pick<Proposal, "verb" | "desired"> & {
  /** Nobody asks for the state: a daemon repairs what was accepted. */
  readonly isRepair?: boolean;
};

/**
 * The same before a state is carried out; one with a packet filter never opens the machine on the way (rule S10.5).
 * Where a first apply, or its way back, was cut short, only the rest goes back: the transaction is left open for `executePlan`,
 * whose failure restores the machine as it was before the first of its runs. A destroy that was cut short is undone, for
 * whoever asks for the state does not ask for nothing any more.
 */
export async function recoverTowards(
  deps: ApplyDeps,
  { verb, desired, isRepair = false }: Towards,
): Promise<Outcome | Held | undefined> {
  const open = await readOpenTransaction(deps.stores.journal);
  const hasPolicy = desired.resources.some(({ kind }) => driverOf(deps.registry, kind).between !== undefined);
  if (open === undefined || verb !== "apply" || !hasPolicy) return await recoverOpenJournal(deps, verb);
  if (isHalfDestroyed(open) && !isRepair) return await undoDestroy(deps, open, "something else is to be applied");
  if (!wouldOpen(deps, open)) return await recoverOpenJournal(deps, verb);
  const cause = new Error(open.rollbackCause ?? whyRolledBack(open));
  const result = await rollBackBehindPolicy(deps, open.batches, cause);
  return result.kind === "incomplete" ? incomplete(deps, result, cause) : { kind: "held", firstIndex: nextIndex(open) };
}

/** Whether the way back of what an earlier run left open would open a machine that its packet filter closed. Reads only. */
export async function wouldOpenMachine(deps: ApplyDeps): Promise<boolean> {
  const open = await readOpenTransaction(deps.stores.journal);
  return open !== undefined && wouldOpen(deps, open);
}

/**
 * An apply did not come to its end, nor its way back, and there was no packet filter before it. One that was on trial is to
 * give the machine back when nobody confirms it.
 */
function wouldOpen(deps: ApplyDeps, { begin, accept, wasOnTrial, batches }: OpenTransaction): boolean {
  return begin.verb === "apply" && accept === undefined && !wasOnTrial && loadedFirstPolicy(deps, batches);
}

/** Whether an open transaction is a destroy that did not come to its end. */
export function isHalfDestroyed({ begin, accept }: OpenTransaction): boolean {
  return begin.verb === "destroy" && accept === undefined;
}

/**
 * Restores what stood before a destroy that was cut short; `why` is told unless a way back had begun. Before anything is undone
 * the journal says so, or nothing is: a destroy of which it does not goes on to its end with whatever recovers it next.
 */
export async function undoDestroy(deps: ApplyDeps, open: OpenTransaction, why: string): Promise<Outcome> {
  const cause = open.rollbackCause ?? why;
  if (open.rollbackCause === undefined) await deps.stores.journal.append({ type: "rollback", cause });
  const outcome = await rollBackOpen(deps, open, cause);
  if (outcome.kind === "rolledBack") await deps.stores.diskReserve?.refill();
  return outcome;
}

/** Restores what stood before an open transaction. */
export async function rollBackOpen(deps: ApplyDeps, open: OpenTransaction, why: string): Promise<Outcome> {
  const cause = new Error(why);
  await noteRefused(deps, open);
  const result = await rollBack(deps, open.batches, cause);
  if (result.kind === "incomplete") return incomplete(deps, result, cause);
  return { kind: "rolledBack", cause, ...(result.unclosed === undefined ? {} : { unclosed: result.unclosed }) };
}

/**
 * The devices standing that an open transaction was taking over: as nothing was accepted, they are the other program's still.
 * Reads only.
 */
export async function takenOver(
  { host }: Pick<ApplyDeps, "host">,
  { accept, batches }: OpenTransaction,
): Promise<readonly string[]> {
  const taken = batches.flatMap(({ batch }) =>
    batch.steps.flatMap((step) => {
      const isTaken = step.kind === "link" && step.action === "adopt" && !isClaim(step);
      return isTaken && step.before?.tunnel === "" ? [step.before.device] : [];
    }),
  );
  if (accept !== undefined || taken.length === 0) return [];
  const standing = new Set((await host.links.read()).map(({ device }) => device));
  return taken.filter((device) => standing.has(device));
}

function incomplete(
  { stores: { journal } }: ApplyDeps,
  { rollbackCause, blocked }: Extract<RollbackResult, { kind: "incomplete" }>,
  cause: Error,
): Outcome {
  return { kind: "rollbackIncomplete", cause, rollbackCause, journal: journal.location, blocked };
}

/** No daemon proposes what nobody confirmed. Best effort: the way back matters more. */
async function noteRefused(
  { stores: { proposals } }: ApplyDeps,
  { begin, unconfirmed }: OpenTransaction,
): Promise<void> {
  if (proposals === undefined || unconfirmed === undefined) return;
  try {
    await proposals.write({ ...(await proposals.read()), refused: begin.configHash });
  } catch {
    return;
  }
}

async function finishDestroy(deps: ApplyDeps, open: OpenTransaction): Promise<Outcome> {
  const { host, registry, stores } = deps;
  await stores.diskReserve?.release();
  const ledger = ledgerOfJournal(await stores.ledger.read(), touchedPlaces(open.batches), registry);
  const latest = await stores.generations.latest();
  const desired = { resources: [], ...lifecycleOfNothing(latest?.desired.lifecycle) };
  const pathNumbers = latest?.pathNumbers ?? {};
  const proposal: Proposal = { verb: "destroy", desired, configHash: open.begin.configHash, pathNumbers };
  const observed = await observeMachine(host, registry, desired, ledger);
  const { plan } = planChanges({ desired, observed, ledger, registry });
  const number = open.begin.generation;
  return await finishTransaction(deps, { proposal, plan, ledger, number, firstIndex: nextIndex(open) });
}
