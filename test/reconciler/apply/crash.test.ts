import { afterEach, describe, expect, test } from "vitest";
import type { Outcome } from "../../../src/reconciler/apply/outcome.ts";
import { recoverOpenJournal } from "../../../src/reconciler/apply/recover.ts";
import { CrashError, type FaultKind, Faults } from "../../support/faults.ts";
import { applyOn, type Bench, benchWith, copyBench, depsOf, guardPolicy, LeakError, planOn } from "../run.ts";
import { allowedBy, SCENARIOS, type Scenario } from "../scenarios.ts";

afterEach(() => {
  expect(LeakError.seen).toEqual([]);
});

/** Applies with a fault; the outcome, or undefined when the process died. */
async function tryApply(bench: Bench, scenario: Scenario, faults: Faults): Promise<Outcome | undefined> {
  const outcome = await applyOn(depsOf(bench, faults), scenario.to).catch((error: unknown) => {
    if (error instanceof CrashError || faults.fired) return undefined;
    throw error;
  });
  return faults.crashed ? undefined : outcome;
}

async function prepare(
  scenario: Scenario,
): Promise<{ start: Bench; oldText: string; newText: string; writes: number }> {
  const start = await benchWith(scenario.from);
  const clean = copyBench(start);
  const counting = new Faults();
  const outcome = await applyOn(depsOf(clean, counting), scenario.to);
  expect(outcome.kind).toBe("applied");
  return { start, oldText: start.machine.print(), newText: clean.machine.print(), writes: counting.count };
}

/** The end of the story: exactly old or exactly new, the journal closed, the ledger agreeing, nothing left to do. */
async function expectWhole(bench: Bench, scenario: Scenario, oldText: string, newText: string): Promise<void> {
  const isNew = bench.machine.print() === newText;
  if (!isNew) expect(bench.machine.print()).toBe(oldText);
  expect(bench.disk.journal).toEqual([]);
  const accepted = isNew ? scenario.to : scenario.from;
  const deps = depsOf(bench);
  const { plan, conflicts } = await planOn(deps, accepted);
  expect(conflicts).toEqual([]);
  expect(plan.batches.flatMap(({ steps }) => steps.map(({ key, action }) => `${action} ${key}`))).toEqual([]);
  expect(bench.disk.ledger.entries.map(({ key }) => key)).toEqual(accepted.resources.map(({ key }) => key).toSorted());
}

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  describe(`law 5: ${name}`, () => {
    for (const kind of ["crash-before", "crash-after"] as const satisfies readonly FaultKind[]) {
      test(`${kind} every write, then recovery, gives exactly old or new`, async () => {
        const { start, oldText, newText, writes } = await prepare(scenario);
        expect(writes).toBeGreaterThan(5);
        for (let at = 1; at <= writes; at++) {
          const bench = copyBench(start);
          guardPolicy(bench.machine, [scenario.from, scenario.to]);
          expect(await tryApply(bench, scenario, new Faults(at, kind))).toBeUndefined();
          await recoverOpenJournal(depsOf(bench));
          await expectWhole(bench, scenario, oldText, newText);
        }
      });
    }

    test("a second crash at every write of the recovery changes nothing of that", async () => {
      const { start, oldText, newText, writes } = await prepare(scenario);
      for (let at = 2; at <= writes; at += 3) {
        const crashed = copyBench(start);
        guardPolicy(crashed.machine, [scenario.from, scenario.to]);
        await tryApply(crashed, scenario, new Faults(at, "crash-after"));
        for (let second = 1; ; second++) {
          const bench = copyBench(crashed);
          guardPolicy(bench.machine, [scenario.from, scenario.to]);
          const faults = new Faults(second, second % 2 === 0 ? "crash-before" : "crash-after");
          await recoverOpenJournal(depsOf(bench, faults)).catch(() => undefined);
          await recoverOpenJournal(depsOf(bench));
          await expectWhole(bench, scenario, oldText, newText);
          if (!faults.fired) break;
        }
      }
    });

    for (const kind of ["fail-before", "fail-after"] as const satisfies readonly FaultKind[]) {
      test(`${kind}: one failure at any write ends in old or new within the same run`, async () => {
        const { start, oldText, newText, writes } = await prepare(scenario);
        for (let at = 1; at <= writes; at++) {
          const bench = copyBench(start);
          guardPolicy(bench.machine, [scenario.from, scenario.to]);
          const outcome = await tryApply(bench, scenario, new Faults(at, kind));
          expect(outcome?.kind ?? "refused").toMatch(/applied|rolledBack|refused/);
          await recoverOpenJournal(depsOf(bench));
          await expectWhole(bench, scenario, oldText, newText);
        }
      });
    }

    test("law 1: when everything fails from some write on, what is left is blocked or as before, and recovery repairs it", async () => {
      const { start, oldText, newText, writes } = await prepare(scenario);
      for (let at = 2; at <= writes; at++) {
        const bench = copyBench(start);
        guardPolicy(bench.machine, [scenario.from, scenario.to]);
        const outcome = await tryApply(bench, scenario, new Faults(at, "fail-before", true));
        if (outcome?.kind === "rollbackIncomplete" && outcome.blocked) {
          expect(allowedBy(bench.machine.policy())).toBeDefined();
        }
        await recoverOpenJournal(depsOf(bench));
        await expectWhole(bench, scenario, oldText, newText);
      }
    });
  });
}
