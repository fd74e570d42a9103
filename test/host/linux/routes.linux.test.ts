import { afterEach, describe, expect, test } from "vitest";
import type { Route, RouteChanges, RuleEntry } from "../../../src/host/ports/routes.ts";
import { ROUTE_PROTOCOL, RULE_PREFERENCES, tableOfPath } from "../../../src/model/ownership.ts";
import type { PolicyRule } from "../../../src/model/resources/routes.ts";
import { namespaceObstacle } from "../../support/netns.ts";
import { LinuxMachine } from "./linux-machine.ts";

const obstacle = namespaceObstacle();
const TABLE = tableOfPath(1);
const NOTHING: RouteChanges = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };

let machine: LinuxMachine | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});
function newMachine(): LinuxMachine {
  machine = new LinuxMachine("route");
  machine.namespace.run(["ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"]);
  for (const device of ["d0", "d1"]) machine.namespace.run(["ip", "link", "set", device, "up"]);
  return machine;
}

function route(destination: string, device: string | undefined, type: Route["type"] = "unicast"): Route {
  const family = destination.includes(":") ? 6 : 4;
  const place = device === undefined ? {} : { device };
  return { family, table: TABLE, destination, type, ...place, metric: 0, protocol: ROUTE_PROTOCOL };
}

const ROUTES = [
  route("10.0.0.0/8", "d0"),
  route("fd00::/8", "d0"),
  route("0.0.0.0/0", undefined, "unreachable"),
  route("::/0", undefined, "unreachable"),
];
const RULES: readonly PolicyRule[] = [
  {
    family: 4,
    preference: RULE_PREFERENCES.first,
    match: { mark: { value: 0x3f000000, mask: 0xff000000 } },
    table: 254,
  },
  { family: 6, preference: RULE_PREFERENCES.first, match: { mark: { value: 1, mask: 0xffffffff } }, table: TABLE },
  {
    family: 4,
    preference: RULE_PREFERENCES.first + 1,
    match: {
      source: "10.9.0.0/16",
      destination: "192.0.2.0/24",
      uids: { from: 1000, to: 1005 },
      protocol: "tcp",
      ports: { from: 443, to: 444 },
      local: true,
    },
    table: TABLE,
    suppressPrefixLength: 0,
  },
];

const sorted = (routes: readonly Route[]) => routes.toSorted((a, b) => (a.destination < b.destination ? -1 : 1));
const readOurs = (machine: LinuxMachine) => sorted(machine.call<Route[]>("routes", "readRoutes", [TABLE]));
const change = (machine: LinuxMachine, changes: Partial<RouteChanges>) =>
  machine.call("routes", "change", { ...NOTHING, ...changes });

describe.skipIf(obstacle !== undefined)(`routes (${obstacle ?? "on this kernel"})`, () => {
  test("what is added is read back as it was said, and goes when it is deleted", () => {
    const machine = newMachine();
    change(machine, { addRoutes: ROUTES });
    expect(readOurs(machine)).toEqual(sorted(ROUTES));
    change(machine, { deleteRoutes: ROUTES });
    expect(readOurs(machine)).toEqual([]);
  });

  test("law 3: there already and gone already are success", () => {
    const machine = newMachine();
    change(machine, { addRoutes: ROUTES, addRules: RULES });
    change(machine, { addRoutes: ROUTES, addRules: RULES });
    expect(readOurs(machine)).toEqual(sorted(ROUTES));
    change(machine, { deleteRoutes: ROUTES, deleteRules: RULES });
    change(machine, { deleteRoutes: ROUTES, deleteRules: RULES });
    expect(readOurs(machine)).toEqual([]);
  });

  test("a prefix moves to another device without ever being absent", () => {
    const machine = newMachine();
    change(machine, { addRoutes: ROUTES });
    const moved = ROUTES.map((one) => (one.device === undefined ? one : { ...one, device: "d1" }));
    const leaving = ROUTES.filter(({ device }) => device !== undefined);
    change(machine, { addRoutes: moved, deleteRoutes: leaving });
    expect(readOurs(machine)).toEqual(sorted(moved));
  });

  test("attributes that we do not model are reported, and the route is deleted as the kernel has it", () => {
    const machine = newMachine();
    machine.namespace.run(["ip", "addr", "add", "10.9.1.2/24", "dev", "d1"]);
    const wanted = route("10.0.0.0/8", "d0");
    const place = ["10.0.0.0/8", "table", `${TABLE}`, "proto", `${ROUTE_PROTOCOL}`];
    const bodies = [
      [...place, "nexthop", "dev", "d0", "nexthop", "via", "10.9.1.1", "dev", "d1"],
      [...place, "dev", "d0", "src", "10.9.1.2", "mtu", "600", "advmss", "100"],
      ["tos", "0x10", ...place, "dev", "d0"],
    ];
    for (const body of bodies) {
      machine.namespace.run(["ip", "route", "replace", ...body]);
      const strays = readOurs(machine).filter(({ foreign }) => foreign !== undefined);
      expect(strays, body.join(" ")).toHaveLength(1);
      // The second time, what stands instead is not taken for it.
      const outcomes = machine.perform([
        { port: "routes", method: "change", args: [{ ...NOTHING, deleteRoutes: strays }] },
        { port: "routes", method: "change", args: [{ ...NOTHING, addRoutes: [wanted] }] },
        { port: "routes", method: "change", args: [{ ...NOTHING, deleteRoutes: strays }] },
        { port: "routes", method: "readRoutes", args: [[TABLE]] },
      ]);
      expect(outcomes.at(-1), body.join(" ")).toEqual({ value: [wanted] });
    }
  });

  test("a multicast route of the kernel leads to its device", () => {
    const machine = newMachine();
    const local = machine.call<Route[]>("routes", "readRoutes", [255]);
    const groups = local.filter(({ destination }) => destination === "ff00::/8");
    expect(groups.map(({ type, device }) => `${type} ${device}`).toSorted()).toEqual(["multicast d0", "multicast d1"]);
  });

  test("routes into a device that is gone are gone already; adding them names the device", () => {
    const machine = newMachine();
    change(machine, { addRoutes: ROUTES });
    machine.namespace.run(["ip", "link", "del", "d0"]);
    change(machine, { deleteRoutes: ROUTES });
    expect(readOurs(machine)).toEqual([]);
    const [outcome] = machine.perform([
      { port: "routes", method: "change", args: [{ ...NOTHING, addRoutes: ROUTES }] },
    ]);
    expect(outcome?.error).toMatchObject({ kind: "host", facts: { device: "d0" } });
  });

  test("rules are read back as written; selectors that we do not model are reported as text", () => {
    const machine = newMachine();
    change(machine, { addRules: RULES });
    machine.namespace.run(["ip", "rule", "add", "pref", "10150", "iif", "d0", "table", "7"]);
    const entries = machine.call<RuleEntry[]>("routes", "readRules");
    const ours = entries.filter(({ protocol }) => protocol === ROUTE_PROTOCOL);
    expect(ours.map(({ rule }) => rule)).toEqual([RULES[0], RULES[2], RULES[1]]);
    expect(ours.some(({ foreign }) => foreign !== undefined)).toBe(false);
    const stranger = entries.find(({ rule }) => rule.preference === 10_150);
    expect(stranger).toMatchObject({ rule: { table: 7 }, foreign: expect.stringContaining("d0") });
    expect(stranger?.protocol).not.toBe(ROUTE_PROTOCOL);
  });

  test("law 6: deleting our rule leaves another program's equal rule", () => {
    const machine = newMachine();
    const rule: PolicyRule = { family: 4, preference: 10_200, match: {}, table: 77 };
    machine.namespace.run(["ip", "rule", "add", "pref", "10200", "table", "77", "protocol", "static"]);
    change(machine, { addRules: [rule] });
    change(machine, { deleteRules: [rule] });
    const left = machine.call<RuleEntry[]>("routes", "readRules").filter(({ rule: one }) => one.preference === 10_200);
    expect(left.map(({ protocol }) => protocol)).toEqual([4]);
  });

  test("10,000 routes go in one change and come back", { timeout: 120_000 }, () => {
    const machine = newMachine();
    const many = Array.from({ length: 10_000 }, (_, index) =>
      route(`10.${Math.floor(index / 250)}.${index % 250}.0/24`, "d0"),
    );
    change(machine, { addRoutes: many });
    expect(readOurs(machine)).toEqual(sorted(many));
    change(machine, { deleteRoutes: many.slice(1) });
    expect(readOurs(machine)).toEqual(many.slice(0, 1));
  });
});
