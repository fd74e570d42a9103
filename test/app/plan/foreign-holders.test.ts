import { describe, expect, test } from "vitest";
import { conflictRemedy } from "../../../src/app/plan/foreign-holders.ts";
import { simulatedParts } from "../../../src/compose/simulated-parts.ts";
import { type SimulatedBench, stepTexts, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { TestSession } from "../../support/test-session.ts";

const machine = useSimulatedBench();
const WISHES = { office: {}, work: {} };
const RULES = "rules: [{ destinations: [10.20.0.0/16], via: work }]";

/** What a daemon plans and carries out towards what was accepted. */
async function repairOf({ file }: SimulatedBench) {
  const host = { kind: "simulated", file } as const;
  const options = { host, allowInsecurePermissions: false, environment: {} };
  await using session = new TestSession(simulatedParts(options), options);
  const planned = await session.planAccepted();
  const repairs = (await session.acceptedGeneration())?.number ?? 0;
  await session.apply({ ...planned, repairs }, { onEvent: () => {}, shouldStop: () => undefined });
  return { steps: stepTexts(planned), held: planned.held ?? new Map() };
}

/** The device awg-work is somebody else's now, and what awg had on it is gone. */
function takeDevice(bench: SimulatedBench): void {
  bench.meddle((text) => {
    const state = JSON.parse(text);
    for (const link of state.links) if (link.device === "awg-work") Object.assign(link, { alias: null, type: "other" });
    state.engines = state.engines.filter(({ device }: { device: string }) => device !== "awg-work");
    state.routes = state.routes.filter(({ device }: { device?: string }) => device !== "awg-work");
    return JSON.stringify(state);
  });
}

test("law 4: a device of another program is left with all that is on it, and the rest is repaired", async () => {
  const bench = machine();
  await bench.apply(bench.config(WISHES, RULES));
  takeDevice(bench);
  const taken = bench.read();
  bench.meddle((text) => {
    const state = JSON.parse(text);
    state.firewall = { ...state.firewall, policy: null };
    state.engines = [];
    return JSON.stringify(state);
  });
  const { steps, held } = await repairOf(bench);
  expect([...held.keys()].sort()).toEqual(["link/work", "routes/work", "tunnel/work"]);
  expect(new Set(held.values()).size).toBe(1);
  expect(held.get("routes/work")).toMatch(/^link\/work is held by a device named awg-work that is no tunnel/);
  expect(steps).toContain("update firewall/machine");
  expect(steps).toContain("create tunnel/office");
  expect(steps.filter((step) => step.endsWith("/work"))).toEqual([]);
  const workOf = (text: string): string => {
    const { links, routes } = JSON.parse(text);
    const isWork = ({ device }: { device?: string }): boolean => device === "awg-work";
    return JSON.stringify([links.filter(isWork), routes.filter(isWork)]);
  };
  expect(workOf(bench.read())).toBe(workOf(taken));
  const { conditions } = await bench.ask((session) => session.status());
  expect(conditions.find(({ type }) => type === "Stalled")).toMatchObject({
    status: true,
    message: expect.stringMatching(/^link\/work is held by a device named awg-work[^;]*$/),
  });
});

/** The routes of the tables in which the tunnel work has or had one, as they stand. */
function tableOfWork(text: string, table: number): readonly object[] {
  return JSON.parse(text).routes.filter((route: { table: number }) => route.table === table);
}

describe("the table of another program's device", () => {
  test.each([
    ["nothing is left of, as after a reboot", () => false],
    ["stands whole, in a device that lost its alias", () => true],
  ])("law 1: S5.4: one that %s leads nowhere, and is whole again once the device is awg's", async (_name, isLeft) => {
    const bench = machine();
    await bench.apply(bench.config(WISHES, RULES));
    const before = JSON.parse(bench.read());
    const { table } = before.routes.find(({ device }: { device?: string }) => device === "awg-work");
    const whole = tableOfWork(bench.read(), table);
    const guards = whole.filter((route) => "type" in route && route.type === "unreachable");
    expect(guards).toHaveLength(2);
    const numberBefore = await bench.ask(async (session) => (await session.status()).generation);
    bench.meddle((text) => {
      const state = JSON.parse(text);
      const link = state.links.find(({ device }: { device: string }) => device === "awg-work");
      Object.assign(link, { alias: null, type: "other" });
      state.engines = state.engines.filter(({ device }: { device: string }) => device !== "awg-work");
      if (!isLeft()) state.routes = state.routes.filter((route: { table: number }) => route.table !== table);
      return JSON.stringify(state);
    });
    const { steps, held } = await repairOf(bench);
    expect(steps).toEqual([`${isLeft() ? "update" : "create"} routes/work`]);
    expect([...held.keys()]).toContain("routes/work");
    expect(tableOfWork(bench.read(), table)).toEqual(guards);
    expect((await repairOf(bench)).steps).toEqual([]);
    expect(await bench.ask(async (session) => (await session.status()).generation)).toBe(numberBefore);
    bench.meddle((text) => {
      const state = JSON.parse(text);
      state.links = state.links.filter(({ device }: { device: string }) => device !== "awg-work");
      return JSON.stringify(state);
    });
    expect((await repairOf(bench)).held.size).toBe(0);
    expect(tableOfWork(bench.read(), table)).toEqual(whole);
    expect((await repairOf(bench)).steps).toEqual([]);
  });
});

test("what a person asks for is refused whole where another program has a device of it", async () => {
  const bench = machine();
  await bench.apply(bench.config(WISHES, RULES));
  takeDevice(bench);
  await expect(bench.plan(bench.config(WISHES, RULES))).rejects.toMatchObject({ kind: "conflict" });
});

test("law 9: what helps against an obstructing file is about files, not about devices and ports", () => {
  expect(conflictRemedy(["resolver/machine"])).toBe(
    "make it a plain file of a few lines, or take dns.servers out of the config",
  );
  expect(conflictRemedy(["link/office"])).toContain("another interface, listenPort or table");
  expect(conflictRemedy(["resolver/machine", "link/office"])).toContain("another interface, listenPort or table");
});
