import { lifecycleOfNothing } from "../../model/spec/lifecycle.ts";
import { planChanges } from "../plan/plan-changes.ts";
import { acceptState } from "./accept.ts";
import { finishTransaction } from "./execute.ts";
import { observeMachine } from "./observe.ts";
import { type ApplyDeps, bootTimeMs, type Outcome, type Proposal } from "./outcome.ts";
import { awaitedError, isAwaited, type OpenTransaction, readTransaction, type Verb, whyRolledBack } from "./record.ts";
import { ledgerOfJournal } from "./restore-old.ts";
import { touchedPlaces } from "./restored.ts";
import { rollBack } from "./roll-back.ts";
import type { JournalStore } from "./stores.ts";

/** The transaction that an earlier run left open, for verbs that only read and report it (law 2); undefined when none. */
export async function readOpenTransaction(journal: JournalStore): Promise<OpenTransaction | undefined> {
  return readTransaction(await journal.read(), journal.location);
}

/**
 * Ends a transaction that a crash left open; every writing verb calls it first, with the lock held. A verified one is
 * accepted; an interrupted destroy goes on to its end, and any transaction does when `verb` is destroy (what it would
 * restore is to go anyway); anything else is rolled back. One that waits for a confirmation in time is left alone, and
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
  if (goesOn || verb === "destroy") return await finishDestroy(deps, open);
  return await rollBackOpen(deps, open, open.rollbackCause ?? whyRolledBack(open));
}

/** Restores what stood before an open transaction. */
export async function rollBackOpen(deps: ApplyDeps, open: OpenTransaction, why: string): Promise<Outcome> {
  const { journal } = deps.stores;
  const cause = new Error(why);
  await noteRefused(deps, open);
  const result = await rollBack(deps, open.batches, cause);
  if (result.kind === "incomplete") {
    const { rollbackCause, blocked } = result;
    return { kind: "rollbackIncomplete", cause, rollbackCause, journal: journal.location, blocked };
  }
  return { kind: "rolledBack", cause, ...(result.unclosed === undefined ? {} : { unclosed: result.unclosed }) };
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
  const ledger = ledgerOfJournal(await stores.ledger.read(), touchedPlaces(open.batches), registry);
  const latest = await stores.generations.latest();
  const desired = { resources: [], ...lifecycleOfNothing(latest?.desired.lifecycle) };
  const pathNumbers = latest?.pathNumbers ?? {};
  const proposal: Proposal = { verb: "destroy", desired, configHash: open.begin.configHash, pathNumbers };
  const observed = await observeMachine(host, registry, desired, ledger);
  const { plan } = planChanges({ desired, observed, ledger, registry });
  const firstIndex = 1 + Math.max(-1, ...open.batches.map(({ index }) => index));
  return await finishTransaction(deps, { proposal, plan, ledger, number: open.begin.generation, firstIndex });
}
