import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stepsOf } from "../../../src/model/plan.ts";
import type { Resource, ResourceKey } from "../../../src/model/resource.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import { planChanges } from "../../../src/reconciler/plan/plan-changes.ts";
import { isBatch, isDesiredState, isLedger } from "../../../src/reconciler/plan/spec-shape.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";
import { FakeMachine, fakeRegistry } from "../fake-machine.ts";
import { applyOn, type Bench, benchWith, depsOf, freshBench, planOn } from "../run.ts";
import {
  firewall,
  link,
  resolver,
  rules,
  SCENARIOS,
  type Scenario,
  state,
  sysctl,
  table,
  tunnel,
} from "../scenarios.ts";

const SEED = Number(process.env["AWG_SEED"] ?? 20261121);
const OFFICE = (SCENARIOS["destroy"] as Scenario).from;

async function actionsOn(bench: Bench, ...resources: readonly Resource[]): Promise<readonly string[]> {
  const { plan } = await planOn(depsOf(bench), state(...resources));
  return stepsOf(plan).map(({ action, key }) => `${action} ${key}`);
}

describe("what a plan does about each thing", () => {
  test("law 6: a wanted place held by something without our mark is a conflict that names the holder", async () => {
    const { plan, conflicts } = await planOn(depsOf(freshBench()), state(link("office", { device: "eth0" })));
    expect(conflicts).toEqual([{ key: "link/office", holder: expect.stringContaining("eth0") }]);
    expect(stepsOf(plan)).toEqual([]);
  });

  test("law 6: what is foreign and not wanted is never touched", async () => {
    const bench = freshBench();
    const before = bench.machine.print();
    expect(await actionsOn(bench)).toEqual([]);
    await applyOn(depsOf(bench), OFFICE);
    await applyOn(depsOf(bench), state());
    expect(bench.machine.print()).toBe(before);
  });

  test("what carries our mark is taken over without the ledger: right things adopted, wrong ones repaired, others removed", async () => {
    const bench = await benchWith(state(link("office"), link("home"), resolver("10.8.0.1")));
    bench.disk.ledger = EMPTY_LEDGER;
    expect(await actionsOn(bench, link("office"), resolver("10.8.0.2"))).toEqual([
      "adopt link/office",
      "update resolver/system",
      "delete link/home",
    ]);
  });

  test("law 6: a device of ours that was exchanged for a foreign one is a conflict, and no longer ours to delete", async () => {
    const bench = await benchWith(state(link("office")));
    const thing = bench.machine.places.get("link awg-office");
    if (thing === undefined) return expect.unreachable();
    bench.machine.places.set("link awg-office", { ...thing, owned: false });
    expect((await planOn(depsOf(bench), state(link("office")))).conflicts.length).toBe(1);
    expect(await actionsOn(bench)).toEqual(["forget link/office"]);
  });

  test("settings go back one by one as they are no longer wanted, and to what they were", async () => {
    const bench = await benchWith(
      state(sysctl({ "net.ipv4.conf.all.arp_ignore": "2", "net.ipv4.conf.all.rp_filter": "2" })),
    );
    await applyOn(depsOf(bench), state(sysctl({ "net.ipv4.conf.all.rp_filter": "0" })));
    expect(bench.machine.print()).toContain('"net.ipv4.conf.all.arp_ignore":"0","net.ipv4.conf.all.rp_filter":"0"');
    await applyOn(depsOf(bench), state());
    expect(bench.machine.print()).toBe(freshBench().machine.print());
  });

  test("a policy that others removed comes back as it was accepted, also on undo", async () => {
    const bench = await benchWith(OFFICE);
    bench.machine.remove("firewall policy");
    const { plan } = await planOn(depsOf(bench), OFFICE);
    expect(stepsOf(plan).map(({ before, after, action }) => [action, before !== null, after !== null])).toEqual([
      ["update", true, true],
    ]);
  });

  test("law 6: what others wrote into our table is reported, a few lines of it, and left alone", () => {
    const foreign = Array.from({ length: 9 }, (_, index) => `192.0.2.${index} dev eth0`);
    const { kind, key, spec } = table("office", 101, []);
    const observed = { current: new Map([[kind, new Map([[key, { ...spec, foreign } as never]])]]), moved: new Map() };
    const { notes } = planChanges({ desired: state(), observed, ledger: EMPTY_LEDGER, registry: driverRegistry });
    expect(notes.length).toBe(6);
    expect(notes.at(-1)).toEqual({ key: "routes/office", message: "not ours, left alone: 4 more" });
  });

  test("two resources of one key are a bug that says so", async () => {
    await expect(planOn(depsOf(freshBench()), state(link("a"), link("a")))).rejects.toMatchObject({ kind: "bug" });
  });

  test("a circle of dependencies is a bug that names it", () => {
    const machine = new FakeMachine();
    const registry = fakeRegistry(machine);
    const other: Record<ResourceKey, ResourceKey> = { "link/a": "link/b", "link/b": "link/a" };
    const circular = {
      ...registry,
      link: { ...registry.link, dependsOn: ({ tunnel: name }: { tunnel: string }) => [other[`link/${name}`]] },
    };
    const observed = { current: new Map(), moved: new Map() };
    const input = {
      desired: state(link("a"), link("b")),
      observed,
      ledger: EMPTY_LEDGER,
      registry: circular as typeof registry,
    };
    expect(() => planChanges(input)).toThrow(/link\/a, link\/b form a dependency cycle/);
  });
});

describe("the order of steps", () => {
  test("dependencies come first when made and last when removed", async () => {
    const machine = new FakeMachine();
    const registry = fakeRegistry(machine);
    const chained = {
      ...registry,
      link: { ...registry.link, dependsOn: ({ tunnel: name }: { tunnel: string }) => (name === "a" ? ["link/z"] : []) },
    };
    const deps = { ...depsOf({ machine, disk: freshBench().disk }), registry: chained as typeof registry };
    const both = state(link("a"), link("z"));
    expect(stepsOf((await planOn(deps, both)).plan).map(({ key }) => key)).toEqual(["link/z", "link/a"]);
    await applyOn(deps, both);
    expect(stepsOf((await planOn(deps, state())).plan).map(({ key }) => key)).toEqual(["link/a", "link/z"]);
  });

  test("neighbours of one kind and phase are one batch", async () => {
    const { plan } = await planOn(depsOf(freshBench()), state(link("a"), link("b"), tunnel("a"), tunnel("b")));
    expect(plan.batches.map(({ kind, steps }) => [kind, steps.length])).toEqual([
      ["link", 2],
      ["tunnel", 2],
    ]);
  });

  test("law 1: for any two states, the strictest policy is first and last, tables precede rules, old rules leave before old tables", async () => {
    const pool: readonly Resource[] = [
      firewall("192.0.2.1"),
      firewall("192.0.2.2", "10.0.0.0/8"),
      link("office"),
      link("office", { type: "wireguard" }),
      link("home"),
      tunnel("office"),
      tunnel("home", { listenPort: 51820 }),
      table("office", 101, ["0.0.0.0/0"]),
      table("office", 105, ["0.0.0.0/0"]),
      table("home", 102, ["10.0.0.0/8"]),
      rules(101),
      rules(105, 102),
      sysctl({ "net.ipv4.conf.all.arp_ignore": "2" }),
      resolver("10.8.0.1"),
    ];
    const anyState = fc.subarray([...pool]).map((resources) => {
      const byKey = new Map(resources.map((resource) => [resource.key, resource]));
      const hasLink = (name: string): boolean => byKey.has(`link/${name}`);
      return [...byKey.values()].filter(({ kind, key }) => {
        const name = key.slice(key.indexOf("/") + 1);
        return (kind !== "tunnel" && (kind !== "routes" || name === "policy")) || hasLink(name);
      });
    });
    await fc.assert(
      fc.asyncProperty(anyState, anyState, async (from, to) => {
        const bench = await benchWith(state(...from));
        const { plan } = await planOn(depsOf(bench), state(...to));
        expect(plan.batches.every(isBatch)).toBe(true);
        const steps = stepsOf(plan).filter(({ action }) => action !== "forget" && action !== "adopt");
        const at = (test: (step: (typeof steps)[number]) => boolean): number[] =>
          steps.flatMap((step, index) => (test(step) ? [index] : []));
        for (const index of at(({ kind }) => kind === "firewall")) expect([0, steps.length - 1]).toContain(index);
        const made = at(({ kind, action, key }) => kind === "routes" && key !== "routes/policy" && action === "create");
        const gone = at(({ kind, action, key }) => kind === "routes" && key !== "routes/policy" && action === "delete");
        for (const flip of at(({ key }) => key === "routes/policy")) {
          expect(made.every((index) => index < flip)).toBe(true);
          expect(gone.every((index) => index > flip)).toBe(true);
        }
        expect((await applyOn(depsOf(bench), state(...to))).kind).toMatch(/applied|inSync/);
        expect((await planOn(depsOf(bench), state(...to))).plan.batches).toEqual([]);
        expect(isLedger(bench.disk.ledger)).toBe(true);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe("the shape of specs from files", () => {
  test("every scenario's states have it", () => {
    for (const { from, to } of Object.values(SCENARIOS))
      expect([isDesiredState(from), isDesiredState(to)]).toEqual([true, true]);
  });

  test("any JSON is judged without an exception, and a state with one field broken is refused", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(isDesiredState(value)).toBe(false);
        expect(isDesiredState({ resources: [value] })).toBe(false);
        const broken = structuredClone(OFFICE) as unknown as { resources: { spec: Record<string, unknown> }[] };
        for (const { spec } of broken.resources)
          for (const name of Object.keys(spec)) spec[name] = { unexpected: value };
        expect(isDesiredState(broken)).toBe(false);
      }),
      { seed: SEED },
    );
  });
});
