import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Route } from "../../../src/host/ports/routes.ts";
import { simulatedLink } from "../../../src/host/simulated/machine-state.ts";
import { ROUTE_PROTOCOL, tableOfPath } from "../../../src/model/ownership.ts";
import { renderPolicyRule, sortPolicyRules } from "../../../src/model/resources/policy-rule.ts";
import type { PolicyRule, RoutesObserved, RoutesSpec } from "../../../src/model/resources/routes.ts";
import { blockingDeletions, differenceOfRoutes } from "../../../src/resources/routes/route-changes.ts";
import { observeTable, renderRoute, routesOfSpec } from "../../../src/resources/routes/route-table.ts";
import { routesDriver } from "../../../src/resources/routes/routes.driver.ts";
import { SEED } from "../../property/seed.ts";
import { fieldsOf, laptop, step } from "../sample.ts";

const TABLE = tableOfPath(1);
const SPEC: RoutesSpec = {
  table: TABLE,
  device: "awg-office",
  destinations: ["10.0.0.0/8", "fd00:20::/32"],
  guards: [4, 6],
  rules: [],
};
const OBSERVED: RoutesObserved = { ...SPEC, foreign: [] };
const MARKED: PolicyRule = {
  family: 4,
  preference: 10_110,
  match: { mark: { value: 0x0100_0000, mask: 0x3f00_0000 } },
  table: TABLE,
};
const POLICY: RoutesSpec = { destinations: [], guards: [], rules: [MARKED, { ...MARKED, family: 6 }] };

function withDevices(): ReturnType<typeof laptop> {
  return laptop((state) => {
    for (const [index, device] of ["awg-office", "awg-home"].entries()) {
      state.links.push(simulatedLink({ device, index: 10 + index, medium: "tunnel", mtuBytes: 1420, addresses: [] }));
    }
  });
}

describe("what differs in a table", () => {
  test.each<[string, Partial<RoutesObserved>, string[]]>([
    ["nothing", {}, []],
    ["a missing prefix", { destinations: ["10.0.0.0/8"] }, ["/destinations"]],
    ["a prefix too many", { destinations: [...SPEC.destinations, "fd00:99::/32"] }, ["/destinations"]],
    ["a guard", { guards: [4] }, ["/guards"]],
    ["the device", { device: "awg-home" }, ["/device"]],
    ["the table", { table: TABLE + 1 }, ["/table"]],
    ["a rule too many", { rules: [MARKED] }, ["/rules"]],
    ["routes that no spec can hold", { strays: ["10.9.0.0/16 dev eth9"] }, ["/strays"]],
    ["nothing: foreign routes are not ours to judge", { foreign: ["8.8.8.8/32 dev eth0"] }, []],
  ])("%s", (_name, observed, fields) => {
    expect(fieldsOf(routesDriver.diff(SPEC, { ...OBSERVED, ...observed }))).toEqual(fields);
  });

  test("an emptied table has no device to differ", () => {
    const { device: _device, ...emptied } = { ...OBSERVED, destinations: [] };
    expect(fieldsOf(routesDriver.diff(SPEC, emptied))).toEqual(["/destinations"]);
  });

  test("10,000 prefixes, one of them new, are one change that counts", () => {
    const destinations = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
    const wanted = { ...SPEC, destinations: [...destinations, "192.0.2.0/24"] };
    expect(routesDriver.diff(wanted, { ...OBSERVED, destinations })).toEqual([
      { field: "/destinations", before: [], after: ["192.0.2.0/24"], added: 1, removed: 0 },
    ]);
  });

  test("a table of which nothing is left is nothing", () => {
    const empty = { table: TABLE, destinations: [], guards: [], rules: [], foreign: ["8.8.8.8/32 dev eth0"] };
    expect(routesDriver.asSpec(empty)).toBeUndefined();
    expect(routesDriver.asSpec({ ...empty, guards: [6] })).toEqual({
      ...SPEC,
      device: undefined,
      destinations: [],
      guards: [6],
    });
    expect(routesDriver.asSpec({ ...empty, strays: ["x"] })).toBeDefined();
  });

  test("routes need their device, guards and rules do not", () => {
    expect(routesDriver.dependsOn?.(SPEC)).toEqual(["link/office"]);
    expect(routesDriver.dependsOn?.({ ...SPEC, destinations: [] })).toEqual([]);
    expect(routesDriver.dependsOn?.(POLICY)).toEqual([]);
  });
});

describe("policy rules as text", () => {
  test("each selector shows", () => {
    const rule: PolicyRule = {
      family: 6,
      preference: 10_200,
      match: {
        mark: { value: 1, mask: 3 },
        source: "fd00::1/128",
        destination: "fd00::/8",
        uids: { from: 5, to: 9 },
        protocol: "tcp",
        ports: { from: 80, to: 81 },
        sourcePorts: { from: 22, to: 22 },
      },
      table: 254,
      suppressPrefixLength: 0,
    };
    expect(renderPolicyRule(rule)).toBe(
      "-6 10200: from fd00::1/128 to fd00::/8 fwmark 0x1/0x3 ipproto tcp sport 22-22 dport 80-81 uidrange 5-9 lookup main suppress_prefixlength 0",
    );
  });

  test("they are ordered by family, preference, text, and each is there once", () => {
    const rules: PolicyRule[] = [
      { family: 6, preference: 10_100, match: {}, table: 254 },
      { family: 4, preference: 10_200, match: {}, table: 254 },
      { family: 4, preference: 10_100, match: { destination: "9.0.0.0/8" }, table: 254 },
      { family: 4, preference: 10_100, match: {}, table: 254 },
    ];
    expect(sortPolicyRules([...rules, ...rules]).map(renderPolicyRule)).toEqual([
      "-4 10100: from all lookup main",
      "-4 10100: from all to 9.0.0.0/8 lookup main",
      "-4 10200: from all lookup main",
      "-6 10100: from all lookup main",
    ]);
  });
});

describe("a table as found", () => {
  const { guards, unicast } = routesOfSpec(SPEC);

  test("is read back as the spec it was made from", () => {
    expect(observeTable(TABLE, [...unicast, ...guards], "awg-office")).toEqual(OBSERVED);
  });

  test("distinguishes strays of ours from routes of others", () => {
    const [route] = unicast as [Route];
    const odd: Route[] = [
      { ...route, metric: 77 },
      { ...route, destination: "10.1.0.0/16", device: "awg-home" },
      { ...route, destination: "10.2.0.0/16", gateway: "10.0.0.1" },
      { ...route, destination: "10.3.0.0/16", type: "blackhole" },
      { ...route, destination: "10.4.0.0/16", otherDevices: ["eth0"], foreign: "nexthop dev eth0" },
      { ...route, destination: "8.8.8.8/32", protocol: 4, device: "eth0" },
    ];
    const found = observeTable(TABLE, [...unicast, ...guards, ...odd], "awg-office");
    expect(found.strays).toHaveLength(5);
    expect(found.strays).toContain(`10.4.0.0/16 dev awg-office table ${TABLE} proto 174 metric 0 nexthop dev eth0`);
    expect(found.foreign).toEqual([`8.8.8.8/32 dev eth0 table ${TABLE} proto 4 metric 0`]);
    expect(found.destinations).toEqual(SPEC.destinations);
  });

  test("belongs to the device that is wanted, if any route does", () => {
    const [route] = unicast as [Route];
    const moved = unicast.map((one) => ({ ...one, device: "awg-old" }));
    expect(observeTable(TABLE, moved, "awg-office")).toMatchObject({
      device: "awg-old",
      destinations: SPEC.destinations,
    });
    expect(observeTable(TABLE, [...moved, { ...route, destination: "9.0.0.0/8" }], "awg-office")).toMatchObject({
      device: "awg-office",
      destinations: ["9.0.0.0/8"],
    });
  });

  test("a guard with another metric is no guard", () => {
    const weak = guards.map((guard) => ({ ...guard, metric: 0 }));
    const found = observeTable(TABLE, weak, undefined);
    expect(found.guards).toEqual([]);
    expect(found.strays).toHaveLength(2);
    expect(found.strays?.[0]).toBe(renderRoute(weak[0] as Route));
  });
});

describe("the difference between two sets of routes", () => {
  const { guards, unicast } = routesOfSpec(SPEC);

  test("guards are the first to come and the last to go", () => {
    expect(differenceOfRoutes([...unicast, ...guards], []).addRoutes.map(({ type }) => type)).toEqual([
      "unreachable",
      "unreachable",
      "unicast",
      "unicast",
    ]);
    expect(differenceOfRoutes([], [...guards, ...unicast]).deleteRoutes.map(({ type }) => type)).toEqual([
      "unicast",
      "unicast",
      "unreachable",
      "unreachable",
    ]);
  });

  test("a route into another device is removed first", () => {
    const [route] = unicast as [Route];
    const old = { ...route, device: "awg-home" };
    const difference = differenceOfRoutes([route], [old]);
    expect(difference).toEqual({ addRoutes: [route], deleteRoutes: [old] });
    expect(blockingDeletions(difference)).toEqual([old]);
    expect(blockingDeletions({ addRoutes: [route], deleteRoutes: guards })).toEqual([]);
  });

  test("applying it gives exactly what is wanted, for any two sets", () => {
    const route = fc
      .record({
        destination: fc.constantFrom("10.0.0.0/8", "9.0.0.0/8", "0.0.0.0/0"),
        device: fc.constantFrom("awg-a", "awg-b"),
        metric: fc.constantFrom(0, 9),
      })
      .map((fields): Route => ({ ...fields, family: 4, table: TABLE, type: "unicast", protocol: ROUTE_PROTOCOL }));
    const place = ({ destination, metric }: Route): string => `${destination} ${metric}`;
    const set = fc.uniqueArray(route, { selector: place });
    fc.assert(
      fc.property(set, set, (wanted, standing) => {
        const difference = differenceOfRoutes(wanted, standing);
        const left = new Map(standing.map((one) => [place(one), one]));
        for (const one of blockingDeletions(difference)) left.delete(place(one));
        for (const one of difference.addRoutes) {
          expect(left.has(place(one)), "an addition meets a place that is taken").toBe(false);
          left.set(place(one), one);
        }
        for (const one of difference.deleteRoutes)
          if (left.get(place(one))?.device === one.device) left.delete(place(one));
        const texts = (routes: Iterable<Route>): string[] => [...routes].map(renderRoute).toSorted();
        expect(texts(left.values())).toEqual(texts(wanted));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe("tables and rules on a machine", () => {
  const wanted = new Map([
    ["routes/office", SPEC],
    ["routes/policy", POLICY],
  ] as const);

  test("create, read back, create again: law 3, no write", async () => {
    const { machine, host } = withDevices();
    const steps = [step("routes/office", null, SPEC), step("routes/policy", null, POLICY)];
    await routesDriver.apply(host, steps);
    const observed = await routesDriver.observe(host, wanted);
    for (const [key, spec] of wanted) {
      const found = observed.get(key);
      expect(found && routesDriver.diff(spec, found)).toEqual([]);
      expect(found && routesDriver.asSpec(found)).toEqual(spec);
    }
    const writes = machine.writes.length;
    await routesDriver.apply(host, steps);
    expect(machine.writes.length).toBe(writes);
  });

  test("law 1: the guards stand before the first route and after the last", async () => {
    const { machine, host } = withDevices();
    const unguarded: string[] = [];
    machine.watch((name) => {
      const routes = machine.routes.all([TABLE]);
      if (routes.some(({ type }) => type === "unicast") && routes.filter(({ type }) => type !== "unicast").length < 2) {
        unguarded.push(name);
      }
    });
    await routesDriver.apply(host, [step("routes/office", null, SPEC)]);
    await routesDriver.apply(host, [step("routes/office", SPEC, null)]);
    expect(unguarded).toEqual([]);
    expect(machine.routes.all([TABLE])).toEqual([]);
  });

  test("one new prefix among many writes one route", async () => {
    const { machine, host } = withDevices();
    const destinations = Array.from({ length: 500 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
    const many = { ...SPEC, destinations };
    await routesDriver.apply(host, [step("routes/office", null, many)]);
    const writes = machine.writes.length;
    await routesDriver.apply(host, [
      step("routes/office", many, { ...many, destinations: [...destinations, "192.0.2.0/24"] }),
    ]);
    expect(machine.writes.slice(writes)).toEqual(["route.add"]);
  });

  test("a table moves to another device without losing its guards", async () => {
    const { machine, host } = withDevices();
    await routesDriver.apply(host, [step("routes/office", null, SPEC)]);
    await routesDriver.apply(host, [step("routes/office", SPEC, { ...SPEC, device: "awg-home" })]);
    const found = (await routesDriver.observe(host, wanted)).get("routes/office");
    expect(found).toMatchObject({ device: "awg-home", guards: [4, 6], destinations: SPEC.destinations });
    expect(machine.routes.all([TABLE])).toHaveLength(4);
  });

  test("law 6: what others put into our table and range is shown and stays", async () => {
    const { machine, host } = withDevices();
    await routesDriver.apply(host, [step("routes/office", null, SPEC), step("routes/policy", null, POLICY)]);
    const stranger = { preference: 10_150, table: 254, family: 4 as const, match: {} };
    machine.live.rules.push({ rule: stranger, protocol: 4, foreign: "iif eth7" });
    machine.routes.set({
      family: 4,
      table: TABLE,
      destination: "8.8.8.8/32",
      type: "unicast",
      device: "eth0",
      metric: 0,
      protocol: 4,
    });
    const observed = await routesDriver.observe(host, wanted);
    expect(observed.get("routes/office")?.foreign).toHaveLength(1);
    expect(observed.get("routes/policy")?.foreign).toEqual(["-4 10150: from all lookup main iif eth7 proto 4"]);
    await routesDriver.apply(host, [step("routes/policy", POLICY, null), step("routes/office", SPEC, null)]);
    expect(machine.routes.all([TABLE]).map(({ destination }) => destination)).toEqual(["8.8.8.8/32"]);
    expect(machine.live.rules.filter(({ protocol }) => protocol === 4)).toHaveLength(1);
    expect(machine.live.rules.filter(({ protocol }) => protocol === ROUTE_PROTOCOL)).toEqual([]);
  });

  test("leftovers are found without a spec that asks for them", async () => {
    const { host } = withDevices();
    await routesDriver.apply(host, [step("routes/office", null, SPEC), step("routes/policy", null, POLICY)]);
    const observed = await routesDriver.observe(host, new Map());
    expect([...observed.keys()].toSorted()).toEqual(["routes/policy", `routes/table-${TABLE}`]);
    expect(observed.get(`routes/table-${TABLE}`)).toEqual(OBSERVED);
  });

  test("rules of one resource leave those of another alone", async () => {
    const { host } = withDevices();
    const other: RoutesSpec = { ...POLICY, rules: [{ ...MARKED, preference: 10_111 }] };
    await routesDriver.apply(host, [step("routes/policy", null, POLICY), step("routes/other", null, other)]);
    await routesDriver.apply(host, [step("routes/other", other, null)]);
    const observed = await routesDriver.observe(host, wanted);
    expect(observed.get("routes/policy")?.rules).toEqual(POLICY.rules);
  });

  test("a device that vanished took its routes; the guards hold, and the table is whole again afterwards", async () => {
    const { machine, host } = withDevices();
    await routesDriver.apply(host, [step("routes/office", null, SPEC)]);
    machine.act({ act: "remove-device", device: "awg-office" });
    const found = (await routesDriver.observe(host, wanted)).get("routes/office");
    expect(found).toMatchObject({ destinations: [], guards: [4, 6] });
    expect(fieldsOf(routesDriver.diff(SPEC, found as RoutesObserved))).toEqual(["/destinations"]);
  });

  test("adopt and forget touch nothing", async () => {
    const { machine, host } = withDevices();
    await routesDriver.apply(host, [
      step("routes/office", SPEC, SPEC, "adopt"),
      step("routes/office", SPEC, null, "forget"),
    ]);
    expect(machine.writes).toEqual([]);
  });
});
