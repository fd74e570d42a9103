import { AwgError, messageOf } from "../../model/error.ts";
import { type Batch, inverseStep } from "../../model/plan.ts";
import type { JournalRecord } from "../journal/journal-record.ts";
import type { JournalledBatch } from "../journal/open-transaction.ts";
import { driverOf, isPolicy } from "../plan/observation.ts";
import { blockTraffic } from "./block.ts";
import type { ApplyDeps } from "./outcome.ts";
import { restoreOldState } from "./restore-old.ts";
import { type Touched, touchedPlaces, unrestored } from "./restored.ts";
import { performSteps } from "./run-batches.ts";
import { SETTLE_WAITS_MS } from "./verify.ts";

const TRIES_PER_BATCH = 3;
const RETRY_WAIT_MS = 200;

export type RollbackResult =
  | { readonly kind: "restored"; readonly unclosed?: unknown }
  | { readonly kind: "incomplete"; readonly rollbackCause: unknown; readonly blocked: boolean };

/**
 * Restores the old state: inverse steps in reverse order, then a read-back of every touched place. Repeatable from any
 * point, also after a crash in the middle. On failure the firewall allows only what old and new both allow, and the
 * journal stays open (law 5).
 */
export async function rollBack(
  deps: ApplyDeps,
  batches: readonly JournalledBatch[],
  cause: unknown,
): Promise<RollbackResult> {
  deps.progress?.({ type: "rollback", cause: messageOf(cause) });
  await note(deps, { type: "rollback", cause: messageOf(cause) });
  try {
    await restore(deps, batches);
  } catch (rollbackCause) {
    return await blockInstead(deps, batches, rollbackCause);
  }
  try {
    await deps.stores.journal.clear();
    return { kind: "restored" };
  } catch (unclosed) {
    return { kind: "restored", unclosed };
  }
}

/**
 * Rolls back all but the packet filter, for a transaction that continues with another state behind it: a full rollback
 * would open the host in between (rule S10.5). The journal stays open and records no rollback. Repeatable
 * from any point; a failure ends as in `rollBack`.
 */
export async function rollBackBehindPolicy(
  deps: ApplyDeps,
  batches: readonly JournalledBatch[],
  cause: unknown,
): Promise<RollbackResult> {
  deps.progress?.({ type: "rollback", cause: messageOf(cause) });
  try {
    await restore(
      deps,
      batches.filter(({ batch }) => !isOfPolicy(deps, batch)),
    );
    return { kind: "restored" };
  } catch (rollbackCause) {
    return await blockInstead(deps, batches, rollbackCause);
  }
}

/** Whether a transaction started to load a packet filter in this boot where none was loaded. Reads no host. */
export function loadedFirstPolicy(deps: ApplyDeps, batches: readonly JournalledBatch[]): boolean {
  const loads = batches.filter((one) => isOfPolicy(deps, one.batch) && !one.undone && isStillThere(deps, one));
  return touchedPlaces(loads).some(({ before, after }) => before === null && after !== null);
}

function isOfPolicy({ registry }: ApplyDeps, { kind }: Batch): boolean {
  return isPolicy(driverOf(registry, kind));
}

async function blockInstead(
  deps: ApplyDeps,
  batches: readonly JournalledBatch[],
  rollbackCause: unknown,
): Promise<Extract<RollbackResult, { kind: "incomplete" }>> {
  const blocked = await blockTraffic(deps, batches);
  deps.progress?.({ type: "blocked", cause: messageOf(rollbackCause) });
  await note(deps, { type: "blocked", cause: messageOf(rollbackCause) });
  return { kind: "incomplete", rollbackCause, blocked };
}

/** By inverse steps; if they fail, by a new plan from the observed state. */
async function restore(deps: ApplyDeps, batches: readonly JournalledBatch[]): Promise<void> {
  try {
    for (const journalled of batches.toReversed()) await undo(deps, journalled);
    await settle(deps, touchedPlaces(batches.filter((journalled) => isStillThere(deps, journalled))));
  } catch (cause) {
    if (batches.some(({ sameBoot }) => !sameBoot)) throw cause;
    await blockTraffic(deps, batches);
    await restoreOldState(deps, batches);
  }
}

async function undo(deps: ApplyDeps, journalled: JournalledBatch): Promise<void> {
  const { index, batch, undone } = journalled;
  if (undone || !isStillThere(deps, journalled)) return;
  deps.progress?.({ type: "undo-start", index, batch });
  const steps = batch.steps.toReversed().map(inverseStep);
  for (let attempt = 1; ; attempt++) {
    try {
      await performSteps(deps, steps);
      break;
    } catch (error) {
      if (attempt === TRIES_PER_BATCH) throw error;
      await deps.clock.sleep(RETRY_WAIT_MS * attempt);
    }
  }
  await note(deps, { type: "undone", index });
}

/** After a reboot only files are left to be undone. */
function isStillThere(deps: ApplyDeps, { batch, sameBoot }: { batch: Batch; sameBoot: boolean }): boolean {
  return sameBoot || driverOf(deps.registry, batch.kind).survivesReboot === true;
}

async function settle(deps: ApplyDeps, touched: readonly Touched[]): Promise<void> {
  let wrong: readonly string[] = [];
  for (const waitMs of SETTLE_WAITS_MS) {
    if (waitMs > 0) await deps.clock.sleep(waitMs);
    const repairs = await unrestored(deps, touched);
    if (repairs.length === 0) return;
    wrong = repairs.map(({ key }) => key);
    // The reading may only lag behind; restoring again what is restored changes nothing.
    for (const step of repairs) await performSteps(deps, [step]);
  }
  throw new AwgError("verification", `the previous state could not be restored: ${wrong.join(", ")}`, {
    facts: { keys: wrong },
  });
}

/**
 * Records progress of a rollback. A full disk must not stop it: without these records a later recovery only repeats
 * what is done already.
 */
async function note(deps: ApplyDeps, record: JournalRecord): Promise<void> {
  await deps.stores.journal.append(record).catch(() => undefined);
}
