import { AwgError } from "../../model/error.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { confirmTransaction, revertFailure, revertTransaction } from "../../reconciler/apply/confirm.ts";
import { type ApplyDeps, bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { isAwaited, readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import { type RestoredPolicy, renderRestored, restorePolicyHeld } from "../protect/restore-policy.ts";
import { readDrift } from "../status/drift.ts";

const LOCK_LOOK_MS = 100;
const LOCK_WAIT_MS = 30_000;

/** The process that outlives this one and reverts what nobody confirms. */
export interface Watchdog {
  /** Proves that it lives and knows the deadline (milliseconds since boot). AwgError when it does not. */
  arm(deadlineMs: number): Promise<void>;
  /** Whether it lives and was told this deadline; starts nothing. */
  knows(deadlineMs: number): Promise<boolean>;
  /** Ends it where a signal stopped it, so that another can do its work; absent where that is not safe. */
  readonly endStopped?: () => Promise<void>;
  /** Best effort: a watchdog that wakes for nothing finds nothing to undo. */
  disarm(): Promise<void>;
}

export interface RevertOptions {
  /** Leave alone what may still be confirmed. */
  readonly onlyIfDue: boolean;
  /** Read how the rest stands afterwards. */
  readonly tellsRest?: boolean;
}

/** What holds an apply to its confirmation; undefined when none is wanted. */
export function confirmationOf(
  { watchdog, sshConnection }: HostParts,
  withinMs: number | undefined,
): Pick<Required<ApplyDeps>, "confirmation"> | undefined {
  if (withinMs === undefined) return undefined;
  const connection = sshConnection?.()?.text;
  const arm = async (deadlineMs: number): Promise<void> => void (await watchdog?.arm(deadlineMs));
  return { confirmation: { withinMs, arm, ...(connection === undefined ? {} : { connection }) } };
}

/** Accepts what waits for it; another awg that is at work is waited for. */
export async function confirmNow(parts: HostParts): Promise<number> {
  const deps = applyDepsOf(parts);
  await using _held = await lockInTime(parts, "confirm");
  try {
    return await confirmTransaction(deps, parts.sshConnection?.()?.text, parts.sshBeganMs?.());
  } finally {
    await parts.close();
    if ((await deps.stores.journal.read()).length === 0) await parts.watchdog?.disarm();
  }
}

/** How the machine stands after a change was undone. */
export interface Reverted {
  /** The generation that holds; 0 where none does. */
  readonly generation: number;
  /** The packet filter that ought to stand did not, as after a reboot, and was put back. */
  readonly policy?: RestoredPolicy;
  /** What else is not as that generation has it: of what a change did before a reboot nothing is left to be undone. Undefined where it cannot be read, or was not asked for. */
  readonly drifted?: readonly ResourceKey[];
}

/**
 * Undoes what is open; another awg that is at work is waited for. Where the packet filter that ought to stand is gone all the
 * same, it is put back (rule S1.7). undefined where nothing was undone. AwgError journal when it does not succeed,
 * or where afterwards no packet filter stands that ought to.
 */
export async function revertNow(parts: HostParts, options: RevertOptions): Promise<Reverted | undefined> {
  const undone = await undoOpen(parts, applyDepsOf(parts), options);
  if (undone === undefined || options.tellsRest !== true) return undone;
  // What was to be undone is undone: that it cannot be read now is no failure of it.
  const drifts = await readDrift(parts).catch(() => undefined);
  return drifts === undefined ? undone : { ...undone, drifted: drifts.drifts.map(({ key }) => key) };
}

async function undoOpen(parts: HostParts, deps: ApplyDeps, options: RevertOptions): Promise<Reverted | undefined> {
  // The lock is for those who write: where nothing is open nobody should find it taken.
  if ((await readOpenTransaction(deps.stores.journal)) === undefined) return undefined;
  await using _held = await lockInTime(parts, "revert");
  if (options.onlyIfDue && (await isOverdue(deps))) await parts.watchdog?.endStopped?.();
  const outcome = await revertTransaction(deps, options.onlyIfDue);
  if (outcome === undefined) return undefined;
  await parts.close();
  if (outcome.kind === "rollbackIncomplete") throw revertFailure(outcome);
  await parts.watchdog?.disarm();
  if (outcome.kind !== "rolledBack") return undefined;
  const policy = await restorePolicyHeld(parts);
  if (policy?.restored === "no") {
    throw new AwgError("journal", `what had begun is undone, but ${renderRestored(policy)}`, {
      remedy: "run awg doctor, which says what may be done",
    });
  }
  const generation = await parts.stores.generations.latest().catch(() => undefined);
  return { generation: generation?.number ?? 0, ...(policy === undefined ? {} : { policy }) };
}

/** Whether the time of a state on trial is over: nobody may be at hand to end what hinders its way back. */
async function isOverdue(deps: ApplyDeps): Promise<boolean> {
  const open = await readOpenTransaction(deps.stores.journal);
  return open?.wasOnTrial === true && open.accept === undefined && !isAwaited(open, bootTimeMs(deps));
}

async function lockInTime({ lock, clock }: HostParts, verb: string): Promise<AsyncDisposable> {
  for (let waitedMs = 0; ; waitedMs += LOCK_LOOK_MS) {
    try {
      return await lock(verb);
    } catch (error) {
      if (!(error instanceof AwgError) || error.kind !== "locked" || waitedMs >= LOCK_WAIT_MS) throw error;
      await clock.sleep(LOCK_LOOK_MS);
    }
  }
}
