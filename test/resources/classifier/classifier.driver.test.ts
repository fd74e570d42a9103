import { describe, expect, test } from "vitest";
import type { Host } from "../../../src/host/ports/host.ts";
import { simulatedHost } from "../../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { laptopState } from "../../../src/host/simulated/machine-state.ts";
import { blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { inverseStep, type Step, type StepOf, stepsOf } from "../../../src/model/plan.ts";
import type { ClassifierObserved, ClassifierSpec } from "../../../src/model/program/classifier.ts";
import type { Resource, ResourceKey } from "../../../src/model/resource.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import type { ObservedByKind } from "../../../src/reconciler/plan/observation.ts";
import { planChanges } from "../../../src/reconciler/plan/plan-changes.ts";
import { isDesiredState } from "../../../src/reconciler/plan/spec-shape.ts";
import { CLASSIFIER_KEY, classifierDriver } from "../../../src/resources/classifier/classifier.driver.ts";
import { diffClassifier } from "../../../src/resources/classifier/classifier.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";

const SPEC: ClassifierSpec = {
  atoms: [{ file: "/usr/bin/curl", of: "self-or-ancestor" }, { users: [[1000, 1999]] }],
  conditions: [{ all: [{ atom: 0 }, { not: { atom: 1 } }] }],
  final: [0],
  classes: [
    { number: 1, conditions: [0] },
    { number: 2, conditions: [] },
  ],
};
const LOADED: ClassifierObserved = { spec: SPEC, missing: [], replaced: [] };
const CLASSIFIER: Resource = { kind: "classifier", key: CLASSIFIER_KEY, spec: SPEC };
const FIREWALL: Resource = { kind: "firewall", key: "firewall/machine", spec: blockedPolicy() };

function machine(given: Partial<ReturnType<typeof laptopState>> = {}) {
  const simulated = new SimulatedMachine({ ...laptopState(), ...given });
  return { simulated, host: simulatedHost(simulated) };
}

async function planned(
  resources: readonly Resource[],
  { host, accepted = [] }: { readonly host: Host; readonly accepted?: readonly Resource[] },
): Promise<readonly Step[]> {
  const current = new Map<string, ReadonlyMap<ResourceKey, unknown>>([
    ["classifier", await classifierDriver.observe(host, new Map())],
    ["firewall", await driverRegistry.firewall.observe(host, new Map([["firewall/machine", blockedPolicy()]]))],
  ]);
  const observed = { current: current as ObservedByKind, moved: new Map() };
  const ledger = { ...EMPTY_LEDGER, entries: accepted.map((one) => ({ ...one, original: null })) };
  return stepsOf(planChanges({ desired: { resources }, observed, ledger, registry: driverRegistry }).plan);
}

async function carryOut(host: Host, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === "classifier") await classifierDriver.apply(host, [step as StepOf<"classifier">]);
    else await driverRegistry.firewall.apply(host, [step as StepOf<"firewall">]);
  }
}

const keys = (steps: readonly Step[]) => steps.map(({ action, key }) => `${action} ${key}`);

describe("the classifier as a resource", () => {
  test("laws 1, 5: the packet filter is there before the classes and goes after them, also undone", async () => {
    const { host, simulated } = machine();
    const there = await planned([FIREWALL, CLASSIFIER], { host });
    expect(keys(there)).toEqual(["create firewall/machine", "create classifier/host"]);
    await carryOut(host, there);
    expect(simulated.print()).toContain("classifier {");
    expect(keys(there.toReversed().map(inverseStep))).toEqual(["delete classifier/host", "delete firewall/machine"]);
    const away = await planned([], { host, accepted: [FIREWALL, CLASSIFIER] });
    expect(keys(away)).toEqual(["delete classifier/host", "delete firewall/machine"]);
    await carryOut(host, away);
    expect(simulated.print()).not.toContain("classifier {");
  });

  test("law 3: what is loaded needs no step, and loading it again is no other state", async () => {
    const { host, simulated } = machine();
    await carryOut(host, await planned([CLASSIFIER], { host }));
    expect(await planned([CLASSIFIER], { host, accepted: [CLASSIFIER] })).toEqual([]);
    const before = simulated.print();
    await host.classifier?.load(SPEC);
    expect(simulated.print()).toBe(before);
  });

  test("a detached hook, a replaced program and another spec are named", () => {
    expect(diffClassifier(SPEC, LOADED)).toEqual([]);
    expect(diffClassifier(SPEC, { ...LOADED, missing: ["sendmsg4"] })).toEqual([
      { field: "/hooks/sendmsg4", before: "detached", after: "attached" },
    ]);
    expect(diffClassifier(SPEC, { ...LOADED, replaced: ["/usr/bin/curl"] })).toEqual([
      { field: "/paths", before: "another file at /usr/bin/curl", after: "/usr/bin/curl" },
    ]);
    const narrower: ClassifierSpec = { ...SPEC, conditions: [{ atom: 0 }] };
    expect(diffClassifier(narrower, LOADED)).toEqual([
      {
        field: "/conditions",
        before: ["file /usr/bin/curl with children and not (users 1000-1999)"],
        after: ["file /usr/bin/curl with children"],
        added: 1,
        removed: 1,
      },
    ]);
    const final: ClassifierSpec = { ...SPEC, final: [] };
    expect(diffClassifier(final, LOADED)).toEqual([{ field: "/final", before: [0], after: [] }]);
    const [one = { number: 1, conditions: [0] }, ...rest] = SPEC.classes;
    expect(diffClassifier({ ...SPEC, classes: [one] }, LOADED)).toEqual([{ field: "/classes", before: 2, after: 1 }]);
    expect(diffClassifier({ ...SPEC, classes: [{ ...one, number: 9 }, ...rest] }, LOADED)).toEqual([
      { field: "/classes", before: "the same in the same order", after: "renumbered" },
    ]);
    expect(diffClassifier(SPEC, { missing: [], replaced: [] }).map(({ field }) => field)).toEqual(["/conditions"]);
  });

  test("without the kernel for it, the load is refused with the reason", async () => {
    const capabilities = { ...laptopState().capabilities, classifier: { ok: false, reason: "no BTF" } as const };
    const { host } = machine({ capabilities });
    await expect(host.classifier?.load(SPEC)).rejects.toThrow("this host cannot classify sockets: no BTF");
    expect(classifierDriver.enforcement?.(SPEC, capabilities)).toBe("unsupported");
    expect(classifierDriver.enforcement?.(SPEC, laptopState().capabilities)).toBe("enforced");
  });

  test("only a spec of the right form comes back from a file", () => {
    const state = (spec: unknown) => isDesiredState({ resources: [{ ...CLASSIFIER, spec }] });
    expect(state(SPEC)).toBe(true);
    expect(state({ ...SPEC, atoms: [{ file: 7, of: "self" }] })).toBe(false);
    expect(state({ ...SPEC, conditions: [{ all: [{ nor: [] }] }] })).toBe(false);
    const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ not: inner }), { atom: 0 });
    expect(state({ ...SPEC, conditions: [deep] })).toBe(false);
  });
});
