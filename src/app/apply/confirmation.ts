import { AwgError } from "../../model/error.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { confirmTransaction, revertFailure, revertTransaction } from "../../reconciler/apply/confirm.ts";
import { type ApplyDeps, bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { isAwaited, readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import { audited } from "../audit/audited.ts";
import { settleWatchdog } from "../down/override.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";
import { type RestoredPolicy, renderRestored, restorePolicyHeld } from "../protect/restore-policy.ts";
import { readDrift } from "../status/drift.ts";

const LOCK_LOOK_MS = 100;
const LOCK_WAIT_MS = 30_000;

export interface RevertOptions {
  /** Do not revert what can still be confirmed. */
  readonly onlyIfDue: boolean;
  /** Read the remaining differences afterwards. */
  readonly reportsRest?: boolean;
}

/** The confirmation that an apply needs; undefined if none is wanted. */
export function confirmationOf(
  { watchdog, sshConnection }: HostParts,
  withinMs: number | undefined,
): Pick<Required<ApplyDeps>, "confirmation"> | undefined {
  if (withinMs === undefined) return undefined;
  const connection = sshConnection?.()?.text;
  const arm = async (deadlineMs: number): Promise<void> => void (await watchdog?.arm(deadlineMs));
  return { confirmation: { withinMs, arm, ...(connection === undefined ? {} : { connection }) } };
}

/** Accepts the change that waits for confirmation; waits for another awg that holds the lock. */
export function confirmNow(parts: HostParts): Promise<number> {
  const request = { request: "confirm", configHash: null };
  return audited(
    parts,
    request,
    () => confirm(parts),
    (generation) => ({ result: "confirmed", generation }),
  );
}

async function confirm(parts: HostParts): Promise<number> {
  const deps = applyDepsOf(parts);
  await using _held = await lockInTime(parts, "confirm");
  try {
    return await confirmTransaction(deps, parts.sshConnection?.()?.text, parts.sshBeganMs?.());
  } finally {
    await parts.close();
    if ((await deps.stores.journal.read()).length === 0) await settleWatchdog(parts);
  }
}

/** The host after a change was undone. */
export interface Reverted {
  /** The current generation; 0 if there is none. */
  readonly generation: number;
  /** The packet filter was missing, as after a reboot, and was restored. */
  readonly policy?: RestoredPolicy;
  /** Resources that differ from that generation, as after a reboot. Undefined if they cannot be read or were not requested. */
  readonly drifted?: readonly ResourceKey[];
}

/**
 * Undoes the open change; waits for another awg that holds the lock. If the accepted packet filter is missing afterwards,
 * it is restored (rule S1.7). Undefined if nothing was undone. AwgError journal if it fails,
 * or if the packet filter is still missing.
 */
export async function revertNow(parts: HostParts, options: RevertOptions): Promise<Reverted | undefined> {
  const request = { request: options.onlyIfDue ? "revert --due" : "revert", configHash: null };
  const undone = await audited(
    parts,
    request,
    () => undoOpen(parts, applyDepsOf(parts), options),
    (reverted) => (reverted === undefined ? undefined : { result: "reverted", generation: reverted.generation }),
  );
  if (undone === undefined || options.reportsRest !== true) return undone;
  // The change is undone even if the host cannot be read now.
  const drifts = await readDrift(parts).catch(() => undefined);
  return drifts === undefined ? undone : { ...undone, drifted: drifts.drifts.map(({ key }) => key) };
}

async function undoOpen(parts: HostParts, deps: ApplyDeps, options: RevertOptions): Promise<Reverted | undefined> {
  // Take the lock only if there is something to undo.
  if ((await readOpenTransaction(deps.stores.journal)) === undefined) return undefined;
  await using _held = await lockInTime(parts, "revert");
  if (options.onlyIfDue && (await isOverdue(deps))) await parts.watchdog?.endStopped?.();
  const outcome = await revertTransaction(deps, options.onlyIfDue);
  if (outcome === undefined) return undefined;
  await parts.close();
  if (outcome.kind === "rollbackIncomplete") throw revertFailure(outcome);
  await settleWatchdog(parts);
  if (outcome.kind !== "rolledBack") return undefined;
  const policy = await restorePolicyHeld(parts);
  if (policy?.restored === "no") {
    throw new AwgError("journal", `the change is undone, but ${renderRestored(policy)}`, {
      remedy: "run awg doctor",
    });
  }
  const generation = await parts.stores.generations.latest().catch(() => undefined);
  return { generation: generation?.number ?? 0, ...(policy === undefined ? {} : { policy }) };
}

/** Whether the time to confirm is over: no person may be there to end a stopped keeper. */
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
