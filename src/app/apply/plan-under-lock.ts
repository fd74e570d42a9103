import { readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { HostParts } from "../parts.ts";
import type { Planned } from "../plan/planned.ts";

/** A plan and the lock that it was made under, if any; releasing the lock twice does nothing. */
export interface PlannedUnderLock {
  readonly planned: Planned;
  readonly lock?: AsyncDisposable;
}

/**
 * Makes a plan under the lock, for an apply that asks no question: it need not be planned again. If a transaction is open,
 * the plan is made without the lock, since its recovery changes what there is to do and a refused plan recovers nothing.
 */
export async function planUnderLock(parts: HostParts, makePlan: () => Promise<Planned>): Promise<PlannedUnderLock> {
  parts.requireRights?.();
  const lock = releasedOnce(await parts.lock("apply"));
  try {
    const isOpen = (await readOpenTransaction(parts.stores.journal)) !== undefined;
    if (!isOpen) return { planned: await makePlan(), lock };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  await lock[Symbol.asyncDispose]();
  return { planned: await makePlan() };
}

function releasedOnce(lock: AsyncDisposable): AsyncDisposable {
  let isReleased = false;
  return {
    async [Symbol.asyncDispose]() {
      if (isReleased) return;
      isReleased = true;
      await lock[Symbol.asyncDispose]();
    },
  };
}
