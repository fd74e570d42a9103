import { isClaim } from "../../model/plan.ts";
import { lifecycleOfNothing } from "../../model/resources/lifecycle.ts";
import type { Verb } from "../journal/journal-record.ts";
import {
  awaitedError,
  isAwaited,
  nextIndex,
  type OpenTransaction,
  readOpenTransaction,
  whyRolledBack,
} from "../journal/open-transaction.ts";
import { driverOf, isPolicy } from "../plan/observation.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { acceptState } from "./accept.ts";
import { finishTransaction } from "./execute.ts";
import { observeMachine } from "./observe.ts";
import { type ApplyDeps, bootTimeMs, type Outcome, type Proposal } from "./outcome.ts";
import { ledgerOfJournal } from "./restore-old.ts";
import { touchedPlaces } from "./restored.ts";
import { loadedFirstPolicy, type RollbackResult, rollBack, rollBackBehindPolicy } from "./roll-back.ts";

/**
 * Ends a transaction that a crash left open; every writing verb calls it first, with the lock held.
 * - A verified one is accepted.
 * - An interrupted destroy is completed. With `verb` destroy any transaction becomes a destroy, unless it was taking
 * over another program's device: what a rollback restored would be removed anyway.
 * - One that may still be confirmed is left alone: AwgError locked.
 * - Anything else is rolled back.
 * A crash in here is harmless. Undefined when there was nothing to do.
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

/** The journal stays open for the next state, which is applied behind the loaded packet filter. */
export interface Held {
  readonly kind: "held";
  /** Number of the next batch, for `executePlan`. */
  readonly firstIndex: number;
}

/** The state to apply once no transaction is open. */
type Towards = Pick<Proposal, "verb" | "desired"> & {
  /** A daemon repairs the accepted state; no user requested it. */
  readonly isRepair?: boolean;
};

/**
 * The same before another state is applied; if that has a packet filter, the host is never opened in between
 * (rule S10.5).
 * After an interrupted first apply, or its rollback, all but the packet filter is rolled back. The transaction stays
 * open for `executePlan`, whose failure restores the host as it was before the first run. An interrupted destroy is
 * undone, because the new state replaces it.
 */
export async function recoverTowards(
  deps: ApplyDeps,
  { verb, desired, isRepair = false }: Towards,
): Promise<Outcome | Held | undefined> {
  const open = await readOpenTransaction(deps.stores.journal);
  const hasPolicy = desired.resources.some(({ kind }) => isPolicy(driverOf(deps.registry, kind)));
  if (open === undefined || verb !== "apply" || !hasPolicy) return await recoverOpenJournal(deps, verb);
  if (isHalfDestroyed(open) && !isRepair) return await undoDestroy(deps, open, "another state is being applied");
  if (!wouldOpen(deps, open)) return await recoverOpenJournal(deps, verb);
  const cause = new Error(open.rollbackCause ?? whyRolledBack(open));
  const result = await rollBackBehindPolicy(deps, open.batches, cause);
  return result.kind === "incomplete" ? incomplete(deps, result, cause) : { kind: "held", firstIndex: nextIndex(open) };
}

/** Whether the rollback of an open transaction would open a host that its packet filter closed. Reads only. */
export async function wouldOpenMachine(deps: ApplyDeps): Promise<boolean> {
  const open = await readOpenTransaction(deps.stores.journal);
  return open !== undefined && wouldOpen(deps, open);
}

/**
 * The transaction is an unfinished apply, and no packet filter was loaded before it. One on trial must be rolled back
 * fully if it is not confirmed.
 */
function wouldOpen(deps: ApplyDeps, { begin, accept, wasOnTrial, batches }: OpenTransaction): boolean {
  return begin.verb === "apply" && accept === undefined && !wasOnTrial && loadedFirstPolicy(deps, batches);
}

/** Whether an open transaction is an unfinished destroy. */
export function isHalfDestroyed({ begin, accept }: OpenTransaction): boolean {
  return begin.verb === "destroy" && accept === undefined;
}

/**
 * Restores the state before an interrupted destroy; `why` is recorded unless a rollback had started. The journal
 * records the rollback before anything is undone. Without that record the next recovery completes the destroy.
 */
export async function undoDestroy(deps: ApplyDeps, open: OpenTransaction, why: string): Promise<Outcome> {
  const cause = open.rollbackCause ?? why;
  if (open.rollbackCause === undefined) await deps.stores.journal.append({ type: "rollback", cause });
  const outcome = await rollBackOpen(deps, open, cause);
  if (outcome.kind === "rolledBack") await deps.stores.diskReserve?.refill();
  return outcome;
}

/** Restores the state before an open transaction. */
export async function rollBackOpen(deps: ApplyDeps, open: OpenTransaction, why: string): Promise<Outcome> {
  const cause = new Error(why);
  await noteRefused(deps, open);
  const result = await rollBack(deps, open.batches, cause);
  if (result.kind === "incomplete") return incomplete(deps, result, cause);
  return { kind: "rolledBack", cause, ...(result.unclosed === undefined ? {} : { unclosed: result.unclosed }) };
}

/**
 * Existing devices that an open transaction was taking over. Nothing was accepted, so they still belong to the other
 * program. Reads only.
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
  const existing = new Set((await host.links.read()).map(({ device }) => device));
  return taken.filter((device) => existing.has(device));
}

function incomplete(
  { stores: { journal } }: ApplyDeps,
  { rollbackCause, blocked }: Extract<RollbackResult, { kind: "incomplete" }>,
  cause: Error,
): Outcome {
  return { kind: "rollbackIncomplete", cause, rollbackCause, journal: journal.location, blocked };
}

/** Keeps the daemon from proposing an unconfirmed state again. Best effort: the rollback matters more. */
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
