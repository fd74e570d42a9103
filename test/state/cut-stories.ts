import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { SecretId } from "../../src/model/secret.ts";
import type { ApplyDeps } from "../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../src/reconciler/apply/recover.ts";
import type { JournalRecord } from "../../src/reconciler/journal/journal-record.ts";
import type { Stores } from "../../src/reconciler/journal/stores.ts";
import type { Ledger } from "../../src/reconciler/plan/ledger.ts";
import type { FileJournal } from "../../src/state/file-journal.ts";
import { fileStores } from "../../src/state/file-stores.ts";
import { SecretStore } from "../../src/state/secret-store.ts";
import { applyOn, benchWith, depsOf, freshBench } from "../reconciler/run.ts";
import { type Scenario, state } from "../reconciler/scenarios.ts";
import { temporaryFolder } from "../support/folder.ts";
import { SEED } from "../support/seeded.ts";
import { type Fate, FragileDisk, type Leftover, layOut, type Neglect, PLAIN_FATES, randomFate } from "./power-cut.ts";

/** Integers below the argument, the same in every run with one seed (xorshift32 of Marsaglia). */
export function seededBelow(seed = SEED): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const KEY = new Uint8Array(32).fill(1);

/** What the stores promised to be durable, and what was about to become so. */
interface Promised {
  readonly journal: readonly JournalRecord[];
  readonly ledger: Ledger | undefined;
  readonly generation: number;
  readonly secrets: readonly SecretId[];
  /** Writes that have begun and not returned: either outcome is right. */
  readonly begun: {
    readonly record?: JournalRecord;
    readonly ledger?: Ledger;
    readonly generation?: number;
    readonly clear?: true;
  };
}

interface Cut {
  readonly left: Leftover;
  readonly promised: Promised;
}

type Open = ApplyDeps & { readonly secretStore: SecretStore; close(): void };

/** A process's dependencies on a state folder below `root`, in one boot. */
function openOn(root: string, machine: ApplyDeps, bootId: string): Open {
  const folder = join(root, "lib", "awg");
  const secretStore = new SecretStore(folder, { environment: {}, allowInsecurePermissions: false });
  const stores = fileStores(folder, { bootId, namespace: "n" }, secretStore);
  return { ...machine, stores, secretStore, close: () => (stores.journal as FileJournal)[Symbol.dispose]() };
}

/** Stores that keep account of what they promised. */
function accountable(
  stores: Stores,
  secrets: SecretStore,
): { readonly stores: Stores; readonly promised: () => Promised } {
  let now: Promised = { journal: [], ledger: undefined, generation: 0, secrets: [], begun: {} };
  const doing = async <T>(begun: Promised["begun"], work: () => Promise<T>, then: Partial<Promised>): Promise<T> => {
    now = { ...now, begun };
    const done = await work();
    now = { ...now, ...then, begun: {} };
    return done;
  };
  const { journal, ledger, generations } = stores;
  return {
    promised: () => now,
    stores: {
      journal: {
        location: journal.location,
        read: () => journal.read(),
        append: (record) => doing({ record }, () => journal.append(record), { journal: [...now.journal, record] }),
        clear: () => doing({ clear: true }, () => journal.clear(), { journal: [] }),
      },
      ledger: { ...ledger, write: (value) => doing({ ledger: value }, () => ledger.write(value), { ledger: value }) },
      generations: {
        ...generations,
        write: (value) =>
          doing({ generation: value.number }, () => generations.write(value), { generation: value.number }),
      },
      secrets: {
        persist: () => doing({}, () => secrets.persist(), { secrets: [secrets.idOf(KEY)] }),
        restore: (named) => secrets.restore(named),
        damage: () => secrets.damage(),
        prune: (keep) => doing({}, () => secrets.prune(new Set([...keep, ...now.secrets])), {}),
      },
    },
  };
}

/**
 * Plays a change on a disk that keeps only what was synced and gives every state in which a power cut at any call of the
 * file system may leave it, each once: for the plain fates, and for `draws` random ones.
 */
async function cutsOf(
  root: string,
  { from, to }: Scenario,
  draws: number,
  random: (below: number) => number,
  neglect: Neglect,
) {
  const bench = await benchWith(state());
  if (from.resources.length > 0) {
    const before = openOn(root, depsOf(bench), "b");
    before.secretStore.idOf(KEY);
    await applyOn(before, from);
    before.close();
  }
  const cuts = new Map<string, Cut>();
  const deps = openOn(root, depsOf(bench), "b");
  deps.secretStore.idOf(KEY);
  const { stores, promised } = accountable(deps.stores, deps.secretStore);
  const standing = {
    ledger: await deps.stores.ledger.read(),
    generation: (await deps.stores.generations.latest())?.number ?? 0,
  };
  let calls = 0;
  const fates: readonly Fate[] = [...PLAIN_FATES, ...Array.from({ length: draws }, () => randomFate(random))];
  const look = (): void => {
    calls += 1;
    const now = promised();
    const reported = {
      ...now,
      ledger: now.ledger ?? standing.ledger,
      generation: now.generation || standing.generation,
    };
    for (const fate of fates) {
      const left = disk.left(fate);
      const key = JSON.stringify([[...left].map(([path, bytes]) => [path, bytes?.toString("latin1")]), reported]);
      if (!cuts.has(key)) cuts.set(key, { left, promised: reported });
    }
  };
  using disk = new FragileDisk(root, look, neglect);
  await applyOn({ ...deps, stores }, to);
  deps.close();
  look();
  return { cuts: [...cuts.values()], calls };
}

/** What is wrong with what is read after a cut; [] where everything promised is there and nothing else is. */
async function wrongAfter(root: string, { promised }: Cut): Promise<readonly string[]> {
  const wrong: string[] = [];
  const check = async (what: string, isRight: () => Promise<boolean>): Promise<void> => {
    try {
      if (!(await isRight())) wrong.push(`${what} is not what was promised`);
    } catch (error) {
      wrong.push(`${what}: ${String(error)}`);
    }
  };
  const { journal, ledger, begun, secrets } = promised;
  const after = openOn(root, depsOf(freshBench()), "later");
  await check("journal", async () => {
    const read = (await after.stores.journal.read()).map(({ record }) => record);
    const may = [
      journal,
      ...(begun.record === undefined ? [] : [[...journal, begun.record]]),
      ...(begun.clear ? [[]] : []),
    ];
    return may.some((records) => isDeepStrictEqual(plain(records), plain(read)));
  });
  await check("ledger", async () => {
    const read = await after.stores.ledger.read();
    return [ledger, ...(begun.ledger === undefined ? [] : [begun.ledger])].some((one) =>
      isDeepStrictEqual(plain(one), plain(read)),
    );
  });
  await check("generation", async () => {
    const { number = 0 } = (await after.stores.generations.latest()) ?? {};
    return number === promised.generation || number === begun.generation;
  });
  for (const id of secrets) await check("secret", async () => Buffer.compare(after.secretStore.bytesOf(id), KEY) === 0);
  return wrong;
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** After the reboot the open transaction is settled and the change can be made. */
async function settles(root: string, { to }: Scenario): Promise<void> {
  const bench = freshBench();
  const after = openOn(root, depsOf(bench), "later");
  await recoverOpenJournal(after);
  const outcome = await applyOn(after, to);
  after.close();
  const clean = await benchWith(to);
  if (!/applied|inSync/.test(outcome.kind)) throw new Error(`the change ended as ${outcome.kind}`);
  if (bench.machine.print() !== clean.machine.print()) throw new Error("the machine is not as the change says");
}

export interface CutOptions {
  readonly draws: number;
  readonly random: (below: number) => number;
  readonly neglect?: Neglect;
  /** Each so manieth state is carried on to a machine that is as it should be; 0 is none. */
  readonly settleEach: number;
}

/** Cuts the power at every call of a change: how many states that gave, and what was wrong in any of them. */
export async function playCuts(scenario: Scenario, { draws, random, neglect = "nothing", settleEach }: CutOptions) {
  const base = temporaryFolder("cut");

  const root = join(base, "var");
  mkdirSync(root);
  const { cuts, calls } = await cutsOf(root, scenario, draws, random, neglect);
  const wrong: string[] = [];
  for (const [index, cut] of cuts.entries()) {
    const target = join(base, "after");
    mkdirSync(target);
    layOut(cut.left, target);
    wrong.push(...(await wrongAfter(target, cut)));
    if (settleEach > 0 && index % settleEach === 0) await settles(target, scenario);
    rmSync(target, { recursive: true });
  }
  return { calls, states: cuts.length, wrong };
}
