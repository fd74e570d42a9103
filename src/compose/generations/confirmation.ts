import { AwgError } from "../../model/error.ts";
import { confirmTransaction, revertTransaction } from "../../reconciler/apply/confirm.ts";
import { type ApplyDeps, bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { awaitedError, isAwaited, type OpenTransaction } from "../../reconciler/apply/record.ts";
import { readOpenTransaction } from "../../reconciler/apply/recover.ts";
import type { Awaiting } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import { throwFailure } from "./failure.ts";

const LOCK_LOOK_MS = 100;
const LOCK_WAIT_MS = 30_000;

/** The process that outlives this one and reverts what nobody confirms. */
export interface Watchdog {
  /** Proves that it lives and knows the deadline (milliseconds since boot). AwgError when it does not. */
  arm(deadlineMs: number): Promise<void>;
  /** Whether it lives and was told this deadline; starts nothing. */
  knows(deadlineMs: number): Promise<boolean>;
  /** Best effort: a watchdog that wakes for nothing finds nothing to undo. */
  disarm(): Promise<void>;
}

export interface RevertOptions {
  /** Leave alone what may still be confirmed. */
  readonly onlyIfDue: boolean;
}

/** What holds an apply to its confirmation; undefined when none is wanted. */
export function confirmationOf(
  { watchdog, sshConnection }: SessionParts,
  withinMs: number | undefined,
): Pick<Required<ApplyDeps>, "confirmation"> | undefined {
  if (withinMs === undefined) return undefined;
  const connection = sshConnection?.()?.text;
  const arm = async (deadlineMs: number): Promise<void> => void (await watchdog?.arm(deadlineMs));
  return { confirmation: { withinMs, arm, ...(connection === undefined ? {} : { connection }) } };
}

/** Accepts what waits for it; another awg that is at work is waited for. */
export async function confirmNow(parts: SessionParts, deps: ApplyDeps): Promise<number> {
  await using _held = await lockInTime(parts, "confirm");
  try {
    return await confirmTransaction(deps, parts.sshConnection?.()?.text, parts.sshBeganMs?.());
  } finally {
    await parts.close();
    if ((await deps.stores.journal.read()).length === 0) await parts.watchdog?.disarm();
  }
}

/** Undoes what is open; another awg that is at work is waited for. AwgError journal when it does not succeed. */
export async function revertNow(parts: SessionParts, deps: ApplyDeps, options: RevertOptions): Promise<boolean> {
  // The lock is for those who write: where nothing is open nobody should find it taken.
  if ((await readOpenTransaction(deps.stores.journal)) === undefined) return false;
  await using _held = await lockInTime(parts, "revert");
  const outcome = await revertTransaction(deps, options.onlyIfDue);
  if (outcome === undefined) return false;
  await parts.close();
  if (outcome.kind === "rollbackIncomplete") return throwFailure(outcome);
  await parts.watchdog?.disarm();
  return outcome.kind === "rolledBack";
}

/** The change that waits to be confirmed, as status tells it. */
export function awaitedIn(open: OpenTransaction | undefined, deps: ApplyDeps): Awaiting | undefined {
  const now = bootTimeMs(deps);
  if (open?.unconfirmed === undefined || !isAwaited(open, now)) return undefined;
  const secondsLeft = Math.ceil((open.unconfirmed.deadlineMs - now) / 1000);
  return { generation: open.begin.generation, secondsLeft };
}

/** Seconds until what waits to be confirmed is reverted, 0 once it is due; undefined when nothing waits. Reads only. */
export async function secondsToConfirm(parts: SessionParts): Promise<number | undefined> {
  const open = await readOpenTransaction(parts.stores.journal);
  if (open?.unconfirmed === undefined) return undefined;
  const now = bootTimeMs(parts);
  return isAwaited(open, now) ? (open.unconfirmed.deadlineMs - now) / 1000 : 0;
}

/**
 * Gives what waits to be confirmed another watchdog where the one that knew its deadline died. AwgError host when none can
 * be had, locked while another awg is at work.
 */
export async function keepWatched(parts: SessionParts): Promise<void> {
  const { watchdog } = parts;
  const deadlineMs = await awaitedDeadline(parts);
  if (watchdog === undefined || deadlineMs === undefined || (await watchdog.knows(deadlineMs))) return;
  await using _held = await parts.lock("watchdog");
  const stillAwaited = await awaitedDeadline(parts);
  if (stillAwaited !== undefined) await watchdog.arm(stillAwaited);
}

async function awaitedDeadline(parts: SessionParts): Promise<number | undefined> {
  const open = await readOpenTransaction(parts.stores.journal);
  return open !== undefined && isAwaited(open, bootTimeMs(parts)) ? open.unconfirmed?.deadlineMs : undefined;
}

/** AwgError locked while an applied state waits to be confirmed. Reads only. */
export async function refuseAwaited(parts: SessionParts): Promise<void> {
  const now = bootTimeMs(parts);
  const open = await readOpenTransaction(parts.stores.journal);
  if (open !== undefined && isAwaited(open, now)) throw awaitedError(open, now);
}

async function lockInTime({ lock, clock }: SessionParts, verb: string): Promise<AsyncDisposable> {
  for (let waitedMs = 0; ; waitedMs += LOCK_LOOK_MS) {
    try {
      return await lock(verb);
    } catch (error) {
      if (!(error instanceof AwgError) || error.kind !== "locked" || waitedMs >= LOCK_WAIT_MS) throw error;
      await clock.sleep(LOCK_LOOK_MS);
    }
  }
}
