import { sameData } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import { isInSync, type Plan } from "../../model/plan.ts";
import type { Generation } from "../journal/generation.ts";
import { readTransaction } from "../journal/open-transaction.ts";
import type { Stores } from "../journal/stores.ts";
import type { Ledger } from "../plan/ledger.ts";
import { acceptRepair, acceptState, nextLedger, secretIdsOf } from "./accept.ts";
import { blockTraffic } from "./block.ts";
import { type ApplyDeps, bootTimeMs, type Confirmation, type Outcome, type Proposal } from "./outcome.ts";
import { rollBack } from "./roll-back.ts";
import { Interrupted, runBatches, stopIfAsked } from "./run-batches.ts";
import { verifyDesired } from "./verify.ts";

/**
 * Executes a plan as one transaction (law 5): journal, batches, read-back, acceptance; on failure a rollback.
 * Call `recoverOpenJournal` first and hold the lock. A plan without steps changes only the stores, and those only if the
 * text of the config changed (law 3).
 *
 * @param firstIndex number of the first batch; above 0 if `recoverTowards` left the journal open for this plan
 */
export async function executePlan(deps: ApplyDeps, proposal: Proposal, plan: Plan, firstIndex = 0): Promise<Outcome> {
  const isContinued = firstIndex > 0;
  await requireJournal(deps.stores, isContinued ? "open" : "closed");
  const accepted = await readAccepted(deps.stores);
  if (!isContinued && isInSync(plan)) {
    const outcome = await unchangedOutcome(deps, proposal, accepted);
    if (outcome !== undefined) return outcome;
  }
  const outcome = await finishTransaction(deps, await beginTransaction(deps, { proposal, plan, accepted, firstIndex }));
  return isInSync(plan) && outcome.kind === "applied" ? { ...outcome, kind: "inSync" } : outcome;
}

/** What was accepted before this transaction. */
interface Accepted {
  readonly ledger: Ledger;
  readonly latest: Generation | undefined;
}

async function readAccepted({ ledger, generations }: Stores): Promise<Accepted> {
  return { ledger: await ledger.read(), latest: await generations.latest() };
}

async function requireJournal({ journal }: Stores, state: "open" | "closed"): Promise<void> {
  const found = readTransaction(await journal.read(), journal.location) === undefined ? "closed" : "open";
  if (found === state) return;
  throw new AwgError("bug", `the journal ${journal.location} is ${found}`, {
    remedy: "recover it before the next change",
  });
}

/** The outcome of a plan without steps, if the stores need no change either; undefined if they do. */
async function unchangedOutcome(
  { stores }: ApplyDeps,
  { desired, configHash }: Proposal,
  { ledger, latest }: Accepted,
): Promise<Outcome | undefined> {
  if (latest === undefined) {
    const isUnused = ledger.entries.length === 0 && desired.resources.length === 0;
    return isUnused ? { kind: "inSync", generation: 0 } : undefined;
  }
  if (latest.configHash !== configHash || latest.number !== ledger.generation) return undefined;
  if (!sameData(latest.desired.override ?? null, desired.override ?? null)) return undefined;
  const isRestored = (await stores.secrets?.restore(new Set(latest.secretIds))) === true;
  return { kind: "inSync", generation: latest.number, ...(isRestored ? { isRestored } : {}) };
}

/** Prepares everything a failure may need, then opens the journal. Nothing on the host has changed yet. */
async function beginTransaction(
  deps: ApplyDeps,
  { accepted, ...rest }: Pick<TransactionRun, "proposal" | "plan" | "firstIndex"> & { readonly accepted: Accepted },
): Promise<TransactionRun> {
  const { proposal, plan } = rest;
  const { ledger, latest } = accepted;
  const repaired = deps.confirmation === undefined ? repairedGeneration(proposal, accepted) : undefined;
  const number = repaired?.number ?? Math.max(ledger.generation, latest?.number ?? 0) + 1;
  if (!isInSync(plan)) await deps.confirmation?.arm(newDeadlineMs(deps, deps.confirmation));
  if (proposal.verb === "destroy") await deps.stores.diskReserve?.releaseForJournal();
  const hasNewSecrets = await deps.stores.secrets?.persist();
  const { verb, configHash } = proposal;
  await deps.stores.journal.append({
    type: "begin",
    verb,
    configHash,
    generation: number,
    startedMs: deps.clock.nowMs(),
  });
  const repair = repaired === undefined ? {} : { acceptedMs: repaired.acceptedMs, isStored: hasNewSecrets !== true };
  return { ...rest, ledger, number, ...repair };
}

/**
 * The accepted generation if the proposal equals it, so that only the host has to be repaired. An apply that must be
 * confirmed always gets a new number: the number shows whether it was confirmed.
 */
function repairedGeneration(
  { configHash, desired, pathNumbers }: Proposal,
  { ledger, latest }: Accepted,
): Generation | undefined {
  if (latest === undefined || latest.number !== ledger.generation) return undefined;
  const accepted = { configHash: latest.configHash, desired: latest.desired, pathNumbers: latest.pathNumbers };
  return sameData(accepted, { configHash, desired, pathNumbers }) ? latest : undefined;
}

/** A transaction with its `begin` in the journal, and the part that is left to do. */
export interface TransactionRun {
  readonly proposal: Proposal;
  readonly plan: Plan;
  /** The ledger before the transaction. */
  readonly ledger: Ledger;
  readonly number: number;
  /** A repair keeps the time at which its generation was accepted (milliseconds since the epoch); now if absent. */
  readonly acceptedMs?: number;
  /** The generation and its secrets are already in their stores. */
  readonly isStored?: boolean;
  /** Number of the next batch. */
  readonly firstIndex: number;
}

/** Runs the rest of a transaction to one of its outcomes. */
export async function finishTransaction(deps: ApplyDeps, run: TransactionRun): Promise<Outcome> {
  const { proposal, plan, ledger, number, firstIndex } = run;
  const next = nextLedger(ledger, proposal.desired, plan, number, deps.registry);
  let isAccepting = false;
  try {
    await runBatches(deps, plan.batches, firstIndex);
    if (!isInSync(plan)) await verifyDesired(deps, proposal.desired, next, proposal.leave);
    await stopIfAsked(deps);
    const generation = generationOf(proposal, number, run.acceptedMs ?? deps.clock.nowMs());
    isAccepting = true;
    if (deps.confirmation !== undefined && !isInSync(plan)) {
      return await awaitConfirmation(deps, deps.confirmation, generation, next);
    }
    await deps.stores.journal.append({ type: "accept", generation, ledger: next });
    return await writeAcceptance(generation, () =>
      run.isStored === true ? acceptRepair(deps.stores, next) : acceptState(deps.stores, generation, next),
    );
  } catch (cause) {
    const outcome = await undo(deps, plan, cause, isAccepting);
    if (proposal.verb === "destroy" && outcome.kind === "rolledBack") await deps.stores.diskReserve?.refill();
    return outcome;
  }
}

/** Leaves the transaction open for `awg confirm`. The deadline is set again: the new state is only now in effect. */
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

/** After the accept record there is no rollback; the next writing verb repeats a write that failed here. */
async function writeAcceptance({ number }: Generation, accept: () => Promise<void>): Promise<Outcome> {
  try {
    await accept();
    return { kind: "applied", generation: number };
  } catch (unaccepted) {
    return { kind: "applied", generation: number, unaccepted };
  }
}

async function undo(deps: ApplyDeps, plan: Plan, cause: unknown, isAccepting: boolean): Promise<Outcome> {
  const { journal } = deps.stores;
  const interrupted = cause instanceof Interrupted ? { interruptedBy: cause.signal } : {};
  try {
    // A failed append may have left an accept record on the disk; revoke it before anything is undone.
    if (isAccepting) await journal.append({ type: "rollback", cause: "the acceptance could not be written" });
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
