import { sameData } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import { isInSync, type Plan } from "../../model/plan.ts";
import type { Ledger } from "../plan/ledger.ts";
import { acceptRepair, acceptState, nextLedger, secretIdsOf } from "./accept.ts";
import { blockTraffic } from "./block.ts";
import { type ApplyDeps, bootTimeMs, type Confirmation, type Outcome, type Proposal } from "./outcome.ts";
import { readTransaction } from "./record.ts";
import { rollBack } from "./roll-back.ts";
import { Interrupted, runBatches, stopIfAsked } from "./run-batches.ts";
import type { Generation } from "./stores.ts";
import { verifyDesired } from "./verify.ts";

/**
 * Carries out a plan as one transaction (law 5): journal, batches, read-back, acceptance; on any failure the way back.
 * The journal must be closed (`recoverOpenJournal` first) and the lock held. A plan without steps writes nothing, unless
 * the configuration's text is another one, which only the stores are told (law 3).
 *
 * @param firstIndex number of the first batch: more than 0 where `recoverTowards` held the journal open for this plan
 */
export async function executePlan(deps: ApplyDeps, proposal: Proposal, plan: Plan, firstIndex = 0): Promise<Outcome> {
  const { journal, generations } = deps.stores;
  const goesOn = firstIndex > 0;
  if ((readTransaction(await journal.read(), journal.location) !== undefined) !== goesOn) {
    throw new AwgError("bug", `the journal ${journal.location} is ${goesOn ? "closed" : "open"}`, {
      remedy: "recover it before the next change",
    });
  }
  const ledger = await deps.stores.ledger.read();
  const latest = await generations.latest();
  const kept = deps.confirmation === undefined ? keptGeneration(proposal, latest, ledger) : undefined;
  const number = kept?.number ?? Math.max(ledger.generation, latest?.number ?? 0) + 1;
  const isUntouched = latest === undefined && ledger.entries.length === 0;
  if (!goesOn && isInSync(plan) && isUntouched && proposal.desired.resources.length === 0)
    return { kind: "inSync", generation: 0 };
  if (!goesOn && isInSync(plan) && latest?.configHash === proposal.configHash && latest.number === ledger.generation) {
    const isRestored = (await deps.stores.secrets?.restore(new Set(latest.secretIds))) === true;
    return { kind: "inSync", generation: latest.number, ...(isRestored ? { isRestored } : {}) };
  }
  if (!isInSync(plan)) await deps.confirmation?.arm(newDeadlineMs(deps, deps.confirmation));
  if (proposal.verb === "destroy") await deps.stores.diskReserve?.releaseForJournal();
  const hasNewSecrets = await deps.stores.secrets?.persist();
  await journal.append({
    type: "begin",
    verb: proposal.verb,
    configHash: proposal.configHash,
    generation: number,
    startedMs: deps.clock.nowMs(),
  });
  const repair = kept === undefined ? {} : { acceptedMs: kept.acceptedMs, isStored: hasNewSecrets !== true };
  const outcome = await finishTransaction(deps, { proposal, plan, ledger, number, firstIndex, ...repair });
  return isInSync(plan) && outcome.kind === "applied" ? { ...outcome, kind: "inSync" } : outcome;
}

/**
 * The generation that a repair keeps: what is wanted was accepted already, only the machine became another. One that waits
 * to be confirmed is always a new one, for its number tells whether it was.
 */
function keptGeneration(
  { configHash, desired, pathNumbers }: Proposal,
  latest: Generation | undefined,
  ledger: Ledger,
): Generation | undefined {
  if (latest === undefined || latest.number !== ledger.generation) return undefined;
  const accepted = { configHash: latest.configHash, desired: latest.desired, pathNumbers: latest.pathNumbers };
  return sameData(accepted, { configHash, desired, pathNumbers }) ? latest : undefined;
}

/** What is left to do of a transaction whose `begin` stands in the journal. */
export interface Remainder {
  readonly proposal: Proposal;
  readonly plan: Plan;
  /** The ledger before the transaction. */
  readonly ledger: Ledger;
  readonly number: number;
  /** When the generation was accepted that this only repairs, in milliseconds since the epoch; now when absent. */
  readonly acceptedMs?: number;
  /** That generation stands in its store, and no secret came to those that are kept. */
  readonly isStored?: boolean;
  /** Number of the next batch. */
  readonly firstIndex: number;
}

/** Runs the rest of a transaction to one of its ends. */
export async function finishTransaction(deps: ApplyDeps, remainder: Remainder): Promise<Outcome> {
  const { proposal, plan, ledger, number, firstIndex } = remainder;
  const next = nextLedger(ledger, proposal.desired, plan, number, deps.registry);
  let accepting = false;
  try {
    await runBatches(deps, plan.batches, firstIndex);
    if (!isInSync(plan)) await verifyDesired(deps, proposal.desired, next, proposal.leave);
    await stopIfAsked(deps);
    const generation = generationOf(proposal, number, remainder.acceptedMs ?? deps.clock.nowMs());
    accepting = true;
    if (deps.confirmation !== undefined && !isInSync(plan)) {
      return await awaitConfirmation(deps, deps.confirmation, generation, next);
    }
    await deps.stores.journal.append({ type: "accept", generation, ledger: next });
    return await writeAcceptance(generation, () =>
      remainder.isStored === true ? acceptRepair(deps.stores, next) : acceptState(deps.stores, generation, next),
    );
  } catch (cause) {
    const outcome = await goBack(deps, plan, cause, accepting);
    if (proposal.verb === "destroy" && outcome.kind === "rolledBack") await deps.stores.diskReserve?.refill();
    return outcome;
  }
}

/** Leaves the transaction open for `awg confirm`; the time begins now that the person can look at the new state. */
async function awaitConfirmation(
  deps: ApplyDeps,
  confirmation: Confirmation,
  generation: Generation,
  ledger: Ledger,
): Promise<Outcome> {
  const deadlineMs = newDeadlineMs(deps, confirmation);
  await confirmation.arm(deadlineMs);
  const connection = confirmation.connection === undefined ? {} : { connection: confirmation.connection };
  const standsMs = Math.round(bootTimeMs(deps));
  await deps.stores.journal.append({ type: "unconfirmed", deadlineMs, standsMs, generation, ledger, ...connection });
  return { kind: "unconfirmed", proposed: generation, deadlineMs };
}

function newDeadlineMs(deps: ApplyDeps, { withinMs }: Confirmation): number {
  return Math.round(bootTimeMs(deps) + withinMs);
}

/** Past the accept record there is no way back; what cannot be written now is written by the next writing verb. */
async function writeAcceptance({ number }: Generation, accept: () => Promise<void>): Promise<Outcome> {
  try {
    await accept();
    return { kind: "applied", generation: number };
  } catch (unaccepted) {
    return { kind: "applied", generation: number, unaccepted };
  }
}

async function goBack(deps: ApplyDeps, plan: Plan, cause: unknown, accepting: boolean): Promise<Outcome> {
  const { journal } = deps.stores;
  const interrupted = cause instanceof Interrupted ? { interruptedBy: cause.signal } : {};
  try {
    // An accept record whose append failed may still be on the disk; it must be revoked before anything is undone.
    if (accepting) await journal.append({ type: "rollback", cause: "the acceptance could not be written" });
    const open = readTransaction(await journal.read(), journal.location);
    const result = await rollBack(deps, open?.batches ?? [], cause);
    if (result.kind === "incomplete") {
      const { rollbackCause, blocked } = result;
      return { kind: "rollbackIncomplete", cause, rollbackCause, journal: journal.location, blocked, ...interrupted };
    }
    const unclosed = result.unclosed === undefined ? {} : { unclosed: result.unclosed };
    return { kind: "rolledBack", cause, ...unclosed, ...interrupted };
  } catch (rollbackCause) {
    const blocked = await blockTraffic(
      deps,
      plan.batches.map((batch) => ({ batch })),
    );
    return { kind: "rollbackIncomplete", cause, rollbackCause, journal: journal.location, blocked, ...interrupted };
  }
}

function generationOf(proposal: Proposal, number: number, acceptedMs: number): Generation {
  return {
    number,
    configHash: proposal.configHash,
    acceptedMs,
    desired: proposal.desired,
    pathNumbers: proposal.pathNumbers,
    secretIds: secretIdsOf(proposal.desired.resources),
  };
}
