import { AwgError, messageOf } from "../../model/error.ts";
import type { UnconfirmedRecord } from "../journal/journal-record.ts";
import { isAwaited, readOpenTransaction, whyRolledBack } from "../journal/open-transaction.ts";
import { acceptState } from "./accept.ts";
import { type ApplyDeps, bootTimeMs, type Outcome, trafficAfter } from "./outcome.ts";
import { isHalfDestroyed, recoverOpenJournal, rollBackOpen, undoDestroy } from "./recover.ts";

/**
 * Accepts the state that awaits confirmation; the lock is held. Returns the generation's number.
 * AwgError usage if nothing awaits it, or if the SSH connection applied the state or is older than it: such a
 * connection survives a policy that blocks new ones (fault B7). AwgError unconfirmed after the deadline; the old
 * state is restored first.
 *
 * @param connection the SSH connection that confirms, as in SSH_CONNECTION; undefined if there is none
 * @param beganMs when it was opened, milliseconds since boot; undefined if unknown
 */
export async function confirmTransaction(
  deps: ApplyDeps,
  connection: string | undefined,
  beganMs?: number,
): Promise<number> {
  const open = await readOpenTransaction(deps.stores.journal);
  if (open?.accept !== undefined) {
    await recoverOpenJournal(deps);
    return open.accept.generation.number;
  }
  const { unconfirmed } = open ?? {};
  if (open === undefined || unconfirmed === undefined) {
    throw new AwgError("usage", "there is nothing to confirm", { remedy: "see awg status and awg history" });
  }
  if (!isAwaited(open, bootTimeMs(deps))) {
    const outcome = await rollBackOpen(deps, open, whyRolledBack(open));
    if (outcome.kind === "rollbackIncomplete") throw revertFailure(outcome);
    throw new AwgError("unconfirmed", `too late to confirm: ${whyRolledBack(open)}; its changes were undone`);
  }
  const stale = connection === undefined ? undefined : whyItProvesNothing(unconfirmed, connection, beganMs);
  if (stale !== undefined) {
    throw new AwgError("usage", `this SSH connection ${stale}, so it does not prove that the host is reachable`, {
      remedy: "open a new connection and confirm there",
    });
  }
  const { generation, ledger } = unconfirmed;
  await deps.stores.journal.append({ type: "accept", generation, ledger });
  await acceptState(deps.stores, generation, ledger);
  return generation.number;
}

function whyItProvesNothing(unconfirmed: UnconfirmedRecord, connection: string, beganMs = Number.POSITIVE_INFINITY) {
  if (unconfirmed.connection === undefined) return undefined;
  if (connection === unconfirmed.connection) return "is the one that applied";
  return beganMs < (unconfirmed.standsMs ?? 0) ? "is older than the new state" : undefined;
}

/**
 * Undoes the state that awaits confirmation, or a transaction that an earlier run left open; the lock is held. An
 * interrupted destroy is undone too.
 * Returns undefined if there is nothing to undo. With `onlyIfDue` also if it may still be confirmed, or is a destroy,
 * which needs no confirmation.
 */
export async function revertTransaction(deps: ApplyDeps, onlyIfDue: boolean): Promise<Outcome | undefined> {
  const open = await readOpenTransaction(deps.stores.journal);
  if (open === undefined) return undefined;
  const awaited = isAwaited(open, bootTimeMs(deps));
  if (awaited && onlyIfDue) return undefined;
  if (awaited) return await rollBackOpen(deps, open, "it was reverted by hand");
  if (!isHalfDestroyed(open)) return await recoverOpenJournal(deps);
  return onlyIfDue && open.rollbackCause === undefined
    ? undefined
    : await undoDestroy(deps, open, "it was reverted by hand");
}

/** The state of a proposed generation, for the process that waits for it. */
export type Verdict = "waiting" | "confirmed" | "reverted" | "blocked";

/**
 * Whether a proposed generation was confirmed or reverted; changes nothing (law 2). A number may be reused after a
 * revert, so the time of the proposal is compared too.
 */
export async function readVerdict(
  { stores }: Pick<ApplyDeps, "stores">,
  proposed: { readonly number: number; readonly acceptedMs: number },
): Promise<Verdict> {
  const open = await readOpenTransaction(stores.journal);
  if (open?.blocked === true) return "blocked";
  if (open !== undefined && open.begin.generation === proposed.number) return "waiting";
  const accepted = await stores.generations.read(proposed.number);
  return accepted?.acceptedMs === proposed.acceptedMs ? "confirmed" : "reverted";
}

/** The error of a failed revert, with its cause. Pure. */
export function revertFailure(outcome: Extract<Outcome, { kind: "rollbackIncomplete" }>): AwgError {
  const { journal, rollbackCause } = outcome;
  const message = `the old state could not be restored (${messageOf(rollbackCause)}); ${trafficAfter(outcome)}`;
  return new AwgError("journal", message, {
    cause: rollbackCause,
    facts: { journal },
    remedy: `fix the cause and run awg revert again; the open journal is ${journal}`,
  });
}
