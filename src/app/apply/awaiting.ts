import { type ApplyDeps, bootTimeMs } from "../../reconciler/apply/outcome.ts";
import {
  awaitedError,
  isAwaited,
  type OpenTransaction,
  readOpenTransaction,
} from "../../reconciler/journal/open-transaction.ts";
import type { HostParts } from "../parts.ts";

/** A change that waits for confirmation. */
export interface Awaiting {
  readonly generation: number;
  readonly secondsLeft: number;
}

/** The change that waits for confirmation, as status shows it. */
export function awaitedIn(open: OpenTransaction | undefined, deps: ApplyDeps): Awaiting | undefined {
  const now = bootTimeMs(deps);
  if (open?.unconfirmed === undefined || !isAwaited(open, now)) return undefined;
  const secondsLeft = Math.ceil((open.unconfirmed.deadlineMs - now) / 1000);
  return { generation: open.begin.generation, secondsLeft };
}

/** Seconds until an unconfirmed change is reverted, 0 once it is due; undefined if none waits. Reads only. */
export async function secondsToConfirm(parts: HostParts): Promise<number | undefined> {
  const open = await readOpenTransaction(parts.stores.journal);
  if (open?.unconfirmed === undefined) return undefined;
  const now = bootTimeMs(parts);
  return isAwaited(open, now) ? (open.unconfirmed.deadlineMs - now) / 1000 : 0;
}

/**
 * Starts another watchdog for an unconfirmed change if the one that knew its deadline died. AwgError host if none can
 * be started, locked while another awg holds the lock.
 */
export async function keepWatched(parts: HostParts): Promise<void> {
  const { watchdog } = parts;
  const deadlineMs = await awaitedDeadline(parts);
  if (watchdog === undefined || deadlineMs === undefined || (await watchdog.knows(deadlineMs))) return;
  await using _held = await parts.lock("watchdog");
  const stillAwaited = await awaitedDeadline(parts);
  if (stillAwaited !== undefined) await watchdog.arm(stillAwaited);
}

async function awaitedDeadline(parts: HostParts): Promise<number | undefined> {
  const open = await readOpenTransaction(parts.stores.journal);
  return open !== undefined && isAwaited(open, bootTimeMs(parts)) ? open.unconfirmed?.deadlineMs : undefined;
}

/** AwgError locked while an applied state waits for confirmation. Reads only. */
export async function refuseAwaited(parts: HostParts): Promise<void> {
  const now = bootTimeMs(parts);
  const open = await readOpenTransaction(parts.stores.journal);
  if (open !== undefined && isAwaited(open, now)) throw awaitedError(open, now);
}
