import { AwgError, messageOf } from "../../model/error.ts";
import { acceptState } from "./accept.ts";
import { type ApplyDeps, bootTimeMs, type Outcome, trafficAfter } from "./outcome.ts";
import { isAwaited, readOpenTransaction, type UnconfirmedRecord, whyRolledBack } from "./record.ts";
import { isHalfDestroyed, recoverOpenJournal, rollBackOpen, undoDestroy } from "./recover.ts";

/**
 * Accepts the state that waits for it; the lock is held. Gives the generation's number. AwgError usage when nothing waits
 * or the SSH connection is the one that applied, or older than the new state: such a one outlives a policy that lets no new
 * connection in (fault B7). AwgError unconfirmed when the time is over; the old state is then restored first.
 *
 * @param connection the SSH connection that confirms, as SSH_CONNECTION tells it; undefined when it is none
 * @param beganMs when it was made, milliseconds since boot; undefined where that cannot be told
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
    throw new AwgError(
      "unconfirmed",
      `it is too late to confirm: ${whyRolledBack(open)}; what it had changed is undone`,
    );
  }
  const stale = connection === undefined ? undefined : whyItProvesNothing(unconfirmed, connection, beganMs);
  if (stale !== undefined) {
    throw new AwgError("usage", `this SSH connection ${stale}, so that it does not prove the machine reachable`, {
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
  return beganMs < (unconfirmed.standsMs ?? 0) ? "was open before the new state stood" : undefined;
}

/**
 * Undoes the state that waits to be confirmed, or whatever an earlier run left open; the lock is held. undefined when
 * there is nothing to undo, or, with `onlyIfDue`, when it still may be confirmed, or is a destroy, which nobody has to confirm.
 * One that was cut short is undone else: who says revert wants the machine that stood.
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

/** How the transaction of a generation stands, seen by who waits for it. */
export type Verdict = "waiting" | "confirmed" | "reverted" | "blocked";

/**
 * Whether a proposed generation was confirmed or reverted meanwhile; changes nothing (law 2). A number may be used again
 * after a revert, so that the time of the proposal tells them apart.
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

/** The error of a revert that did not succeed, with what hindered it. Pure. */
export function revertFailure(outcome: Extract<Outcome, { kind: "rollbackIncomplete" }>): AwgError {
  const { journal, rollbackCause } = outcome;
  const message = `the old state could not be restored (${messageOf(rollbackCause)}); ${trafficAfter(outcome)}`;
  return new AwgError("journal", message, {
    cause: rollbackCause,
    facts: { journal },
    remedy: `mend the cause and run awg revert again; the open journal is ${journal}`,
  });
}
