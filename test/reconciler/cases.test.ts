import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { ForeignAct } from "../../src/host/simulated/faults.ts";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { laptopState } from "../../src/host/simulated/machine-state.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { Resource } from "../../src/model/resource.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import { observeMachine } from "../../src/reconciler/apply/observe.ts";
import type { ApplyDeps } from "../../src/reconciler/apply/outcome.ts";
import type { PlanResult } from "../../src/reconciler/plan/plan-changes.ts";
import { isDesiredState } from "../../src/reconciler/plan/spec-shape.ts";
import { driverRegistry } from "../../src/resources/registry.ts";
import { countingClock, memoryStores } from "../support/memory-stores.ts";
import { applyOn, planOn } from "./run.ts";

/**
 * One folder, one case: `desired.yaml`, what is applied first (`from.yaml`) and what others then do to the machine
 * (`meddle.yaml`) come in; the plan (`plan.txt`) and what it changes on the machine (`after.txt`) are compared. A new case
 * is a new folder; run vitest with -u to write its texts, then read them.
 */
const CASES = join(import.meta.dirname, "..", "cases");

function readYaml<T>(folder: string, name: string): T | undefined {
  const path = join(folder, name);
  return existsSync(path) ? (parse(readFileSync(path, "utf8")) as T) : undefined;
}

function readState(folder: string, name: string): DesiredState {
  const state = { resources: readYaml<readonly Resource[]>(folder, name) ?? [] };
  if (!isDesiredState(state)) throw new Error(`${folder}/${name} is no list of resources`);
  return state;
}

function renderPlan({ plan, conflicts, notes }: PlanResult): string {
  return [
    ...stepLines(plan),
    ...plan.unchanged.map((key) => `unchanged ${key}`),
    ...conflicts.map(({ key, holder }) => `conflict ${key}: held by ${holder}`),
    ...notes.map(({ key, message }) => `note ${key}: ${message}`),
    "",
  ].join("\n");
}

function stepLines(plan: Plan): readonly string[] {
  return plan.batches.flatMap((batch, index) =>
    batch.steps.map(({ phase, action, key, changes, reason }) => {
      const fields = changes.map(({ field }) => field || "/").join(" ");
      return `${index + 1} ${phase} ${action} ${key}${fields === "" ? "" : ` [${fields}]`} # ${reason}`;
    }),
  );
}

/** Lines that only one of the texts has. */
function renderChange(before: string, after: string): string {
  const old = before.split("\n");
  const now = after.split("\n");
  const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come, ""].join("\n");
}

const names = readdirSync(CASES).sort();

describe("golden plans", () => {
  test("there are cases", () => {
    expect(names.length).toBeGreaterThanOrEqual(10);
  });

  test.each(names)("%s", async (name) => {
    const folder = join(CASES, name);
    const machine = new SimulatedMachine(laptopState());
    const deps: ApplyDeps = {
      host: simulatedHost(machine),
      registry: driverRegistry,
      stores: memoryStores(),
      clock: countingClock(),
    };
    const from = readState(folder, "from.yaml");
    if (from.resources.length > 0) expect((await applyOn(deps, from)).kind).toBe("applied");
    for (const act of readYaml<readonly ForeignAct[]>(folder, "meddle.yaml") ?? []) machine.act(act);
    const before = machine.print();
    const desired = readState(folder, "desired.yaml");
    const planned = await planOn(deps, desired);
    await expect(renderPlan(planned)).toMatchFileSnapshot(join(folder, "plan.txt"));
    if (planned.conflicts.length > 0) return;
    const outcome = await applyOn(deps, desired);
    expect(["applied", "inSync"]).toContain(outcome.kind);
    await expect(renderChange(before, machine.print())).toMatchFileSnapshot(join(folder, "after.txt"));
    const observed = await observeMachine(deps.host, deps.registry, desired, await deps.stores.ledger.read());
    expect(observed.current.size).toBe(Object.keys(deps.registry).length);
    expect((await planOn(deps, desired)).plan.batches).toEqual([]);
  });
});
