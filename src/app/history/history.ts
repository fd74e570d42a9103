import { sameData } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import { readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { Stores } from "../../reconciler/journal/stores.ts";

/** A kept generation, as `awg history` shows it. */
export type HistoryEntry = AcceptedEntry | UnreadableEntry;

export interface AcceptedEntry {
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly acceptedMs: number;
  readonly configHash: string;
  /** Whether it is the one that holds. */
  readonly holds: boolean;
  /** Keys of resources against the generation numbered one less; undefined where that one is no longer kept, or cannot be read. */
  readonly changes: HistoryChanges | undefined;
  readonly isBeforeUnreadable: boolean;
}

/** A generation with an unreadable file. */
export interface UnreadableEntry {
  readonly number: number;
  readonly holds: boolean;
  /** Names the file. */
  readonly error: AwgError;
}

export interface HistoryChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** The generations that are kept, ascending. An unreadable one does not hide the others. */
export async function historyOf(stores: Stores): Promise<readonly HistoryEntry[]> {
  const { generations } = stores;
  const held = await heldNumber(stores);
  const entries: HistoryEntry[] = [];
  const found = new Map<number, Generation | AwgError>();
  for (const number of await generations.numbers()) {
    const one = await readOrError(generations, number);
    if (one === undefined) continue;
    const holds = number === held;
    entries.push(one instanceof AwgError ? { number, holds, error: one } : entryOf(one, found.get(number - 1), holds));
    found.set(number, one);
  }
  return entries;
}

async function readOrError(
  generations: Stores["generations"],
  number: number,
): Promise<Generation | AwgError | undefined> {
  try {
    return await generations.read(number);
  } catch (error) {
    if (error instanceof AwgError) return error;
    throw error;
  }
}

function entryOf(
  { number, acceptedMs, configHash, desired }: Generation,
  before: Generation | AwgError | undefined,
  holds: boolean,
): AcceptedEntry {
  const isBeforeUnreadable = before instanceof AwgError;
  const first = number === 1 ? { resources: [] } : undefined;
  const known = isBeforeUnreadable ? undefined : (before?.desired ?? first);
  const changes = known === undefined ? undefined : changesBetween(known, desired);
  return { number, acceptedMs, configHash, holds, changes, isBeforeUnreadable };
}

/**
 * The last with resources before the one that holds: a destroy, or a state that held for a time, is no state to go back to unless its number is given.
 * Where it cannot be read, its error names the last that can.
 */
async function generationBefore(stores: Stores, numbers: readonly number[]): Promise<Generation | undefined> {
  const held = await heldNumber(stores);
  let failed: AwgError | undefined;
  for (const number of numbers.filter((one) => one < held).toReversed()) {
    const found = await readOrError(stores.generations, number);
    if (found instanceof AwgError) failed ??= found;
    else if (found === undefined || found.desired.resources.length === 0) continue;
    else if (found.desired.override !== undefined) continue;
    else if (failed === undefined) return found;
    else throw withRollbackRemedy(failed, number);
  }
  if (failed !== undefined) throw failed;
  return undefined;
}

function withRollbackRemedy(cause: AwgError, number: number): AwgError {
  const { kind, message, facts, remedy } = cause;
  const back = `awg rollback ${number} goes to the next that can be read`;
  return new AwgError(kind, message, { cause, facts, remedy: remedy === undefined ? back : `${back}, or ${remedy}` });
}

/** Number of the generation in force, even if the ledger lacks it so far. A damaged journal counts as none. */
async function heldNumber({ ledger, journal }: Stores): Promise<number> {
  const open = await readOpenTransaction(journal).catch(() => undefined);
  return (open?.accept?.ledger ?? (await ledger.read())).generation;
}

/** Keys that came, changed and went between two desired states. Pure. */
function changesBetween(before: DesiredState, after: DesiredState): HistoryChanges {
  const old = new Map(before.resources.map((resource) => [resource.key, resource]));
  const now = new Map(after.resources.map((resource) => [resource.key, resource]));
  const common = [...now.values()].filter(({ key }) => old.has(key));
  return {
    added: [...now.keys()].filter((key) => !old.has(key)),
    changed: common.filter((one) => !sameData(one.spec, old.get(one.key)?.spec)).map(({ key }) => key),
    removed: [...old.keys()].filter((key) => !now.has(key)),
  };
}

/** The generation to go back to: this number, or the last with resources before the one that holds. AwgError usage when it is not kept, journal when it cannot be read. */
export async function generationFor(stores: Stores, number: number | undefined): Promise<Generation> {
  const { generations } = stores;
  const numbers = await generations.numbers();
  const found = await (number === undefined ? generationBefore(stores, numbers) : generations.read(number));
  if (number !== undefined && found?.desired.override !== undefined) {
    throw new AwgError("usage", `generation ${number} held for a limited time only`, {
      remedy: `go back to generation ${found.desired.override.back}, or repeat awg ${found.desired.override.what} --for`,
    });
  }
  if (found !== undefined) return found;
  const what =
    number === undefined
      ? "there is no generation with a config before the present one"
      : `there is no generation ${number}`;
  const listed = `these are kept: ${numbers.join(", ")}`;
  const removal = number === undefined ? "; awg destroy removes what is applied" : "";
  const kept = numbers.length === 0 ? "no generation is kept" : `${listed}${removal}`;
  throw new AwgError("usage", what, { facts: { kept: numbers.map(String) }, remedy: kept });
}
