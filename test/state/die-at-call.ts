import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { expect } from "vitest";
import type { ApplyDeps } from "../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../src/reconciler/apply/recover.ts";
import type { FileJournal } from "../../src/state/file-journal.ts";
import { fileStores } from "../../src/state/file-stores.ts";
import { SecretStore } from "../../src/state/secret-store.ts";
import { applyOn, type Bench, benchWith, copyBench, depsOf, guardPolicy } from "../reconciler/run.ts";
import { type Scenario, state } from "../reconciler/scenarios.ts";
import { CrashError, Faults } from "../support/faults.ts";
import { temporaryFolder } from "../support/folder.ts";

/** The calls of node:fs by which the state folder is changed. */
const CALLS = [
  "openSync",
  "writeSync",
  "fsyncSync",
  "closeSync",
  "renameSync",
  "unlinkSync",
  "ftruncateSync",
  "mkdirSync",
] as const;
const real = Object.fromEntries(CALLS.map((name) => [name, fs[name]])) as unknown as typeof fs;

/** Ends the process's life at the n-th such call, or in the middle of the n-th write: all later ones have no effect. */
function dieAtCall(at: number, faults: Faults, halfWritten: boolean): () => number {
  let count = 0;
  for (const name of CALLS) {
    const call = unsynced[name] as (...values: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...values: unknown[]) => {
        if (faults.crashed) throw new CrashError(name);
        if ((halfWritten && name !== "writeSync") || ++count < at) return call(...values);
        if (halfWritten) call(values[0], (values[1] as Uint8Array).subarray(0, 40));
        faults.crashed = true;
        throw new CrashError(name);
      },
    });
  }
  syncBuiltinESMExports();
  return () => count;
}

function restoreCalls(): void {
  for (const name of CALLS) Object.assign(fs, { [name]: real[name] });
  syncBuiltinESMExports();
}

/** A process that dies loses nothing the kernel has; syncing would only make the test slow. It still counts as a call. */
const unsynced = { ...real, fsyncSync: () => undefined };

function skipSyncs(): void {
  Object.assign(fs, { fsyncSync: unsynced.fsyncSync });
  syncBuiltinESMExports();
}

/** Dependencies of a new process on the bench's machine with a state folder on the real disk. */
function depsOnDisk(bench: Bench, folder: string, faults = new Faults()): ApplyDeps & { close(): void } {
  const secrets = new SecretStore(folder, { environment: {}, allowInsecurePermissions: false });
  secrets.idOf(new Uint8Array(32).fill(1));
  const stores = fileStores(folder, { bootId: "b", namespace: "n" }, secrets);
  return { ...depsOf(bench, faults), stores, close: () => (stores.journal as FileJournal)[Symbol.dispose]() };
}

/** The machine and its state folder before the story, and the machine's text before and after it. */
async function prepare(scenario: Scenario): Promise<{ start: Bench; startFolder: string; texts: readonly string[] }> {
  const startFolder = join(temporaryFolder(), "state");
  const start = await benchWith(state());
  if (scenario.from.resources.length > 0) {
    const deps = depsOnDisk(start, startFolder);
    await applyOn(deps, scenario.from);
    deps.close();
  }
  const clean = copyBench(start);
  clean.disk.ledger = await depsOnDisk(start, startFolder).stores.ledger.read();
  await applyOn(depsOf(clean), scenario.to);
  return { start, startFolder, texts: [start.machine.print(), clean.machine.print()] };
}

/** cpSync keeps the modes of files, not of folders. */
function copyPrivately(from: string, to: string): void {
  fs.cpSync(from, to, { recursive: true });
  for (const folder of [to, join(to, "secrets")]) fs.chmodSync(folder, 0o700);
}

async function recoverAndCheck(
  bench: Bench,
  folder: string,
  scenario: Scenario,
  texts: readonly string[],
): Promise<void> {
  const deps = depsOnDisk(bench, folder);
  await recoverOpenJournal(deps);
  expect(texts).toContain(bench.machine.print());
  expect(await deps.stores.journal.read()).toEqual([]);
  const accepted = bench.machine.print() === texts[1] ? scenario.to : scenario.from;
  expect((await deps.stores.ledger.read()).entries.map(({ key }) => key)).toEqual(
    accepted.resources.map(({ key }) => key).toSorted(),
  );
  // The machine can be changed again.
  expect((await applyOn(deps, scenario.to)).kind).toMatch(/applied|inSync/);
  expect(bench.machine.print()).toBe(texts[1]);
  deps.close();
}

/**
 * Applies a scenario again and again, each time from the same beginning, and ends the process at the next call of the file
 * system, or in the middle of the next write: the next process finds or makes the old state or the new one. Gives at how
 * many calls it died.
 */
export async function dieAtEachCall(scenario: Scenario, halfWritten: boolean): Promise<number> {
  skipSyncs();
  try {
    const { start, startFolder, texts } = await prepare(scenario);
    for (let at = 1; ; at++) {
      const folder = join(temporaryFolder("state"), "state");
      if (fs.existsSync(startFolder)) copyPrivately(startFolder, folder);
      const bench = copyBench(start);
      guardPolicy(bench.machine, [scenario.from, scenario.to]);
      const faults = new Faults();
      const dying = depsOnDisk(bench, folder, faults);
      dieAtCall(at, faults, halfWritten);
      await applyOn(dying, scenario.to).catch(() => undefined);
      const finished = !faults.crashed;
      restoreCalls();
      skipSyncs();
      if (finished) return at - 1;
      await recoverAndCheck(bench, folder, scenario, texts);
    }
  } finally {
    restoreCalls();
  }
}
