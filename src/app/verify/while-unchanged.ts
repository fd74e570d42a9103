import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import { type OpenTransaction, verifiedState } from "../../reconciler/journal/open-transaction.ts";
import { lockedBy } from "../../state/lock.ts";
import type { HostParts } from "../parts.ts";
import { readStateInForce, type StateInForce } from "../status/state-in-force.ts";

/** How often the host is read while others change it, and the pause between two reads. */
const LOOKS = 3;
const WAIT_MS = 500;

/** Whether a transaction is running or was interrupted between the old state and the new. Pure. */
export function isBetweenStates(parts: Pick<HostParts, "clock">, open: OpenTransaction | undefined): boolean {
  return open !== undefined && verifiedState(open, bootTimeMs(parts)) === undefined;
}

/**
 * Reads the host while no other awg changes it; a read that a change overlaps is repeated.
 *
 * @throws AwgError locked, naming the process, if a change goes on
 */
export async function whileUnchanged<T>(parts: HostParts, read: (standing: StateInForce) => Promise<T>): Promise<T> {
  for (let look = 1; ; look += 1) {
    const before = await readStateInForce(parts);
    const holder = isBetweenStates(parts, before.open) ? await parts.whoChanges?.() : undefined;
    if (holder === undefined) {
      const result = await read(before);
      if (stampOf(before) === stampOf(await readStateInForce(parts))) return result;
    }
    if (look === LOOKS) throw lockedBy(holder ?? (await parts.whoChanges?.()), parts.stores.journal.location);
    await parts.clock.sleep(WAIT_MS);
  }
}

/** A stamp that differs if a change began, continued or ended in between. */
function stampOf({ acceptedNumber, open }: StateInForce): string {
  return JSON.stringify([acceptedNumber, open?.begin.startedMs, open?.batches.length, open?.unconfirmed !== undefined]);
}
