import { describe, expect, it } from "vitest";
import { darwinLinks } from "../../../../src/host/darwin/links/darwin-links.ts";
import { darwinRoutes } from "../../../../src/host/darwin/routes/darwin-routes.ts";
import type { Host } from "../../../../src/host/ports/host.ts";
import type { ResourceKey } from "../../../../src/model/resource.ts";
import type { RoutesSpec } from "../../../../src/model/resources/routes.ts";
import { routesDriver } from "../../../../src/resources/routes/routes.driver.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { addressOf, macBook, prefixOf } from "../fake/machine.ts";
import { HeldUtuns } from "../links/held-utuns.ts";

type Wanted = Readonly<Record<string, RoutesSpec>>;

const NONE = { destinations: [], guards: [], rules: [] };
const OFFICE: RoutesSpec = { ...NONE, table: 254, device: "awg-office", destinations: ["0.0.0.0/1", "128.0.0.0/1"] };
const HOME: RoutesSpec = { ...NONE, table: 254, device: "awg-home", destinations: ["10.20.0.0/16"] };

function pinnedTo(gateway: string | undefined): RoutesSpec {
  const way = gateway === undefined ? {} : { device: "en0", gateway };
  return { ...NONE, pins: [{ destination: "192.0.2.1/32", ...way }] };
}

const BOTH: Wanted = { "routes/policy": pinnedTo("192.168.1.1"), "routes/office": OFFICE, "routes/home": HOME };

async function mac() {
  const machine = macBook();
  const system = new FakeLibSystem(machine);
  const holder = new HeldUtuns(system);
  const links = darwinLinks({ system, holder });
  for (const [tunnel, address] of [
    ["office", "10.8.0.2/32"],
    ["home", "10.9.0.2/32"],
  ] as const) {
    await links.ensure({ device: `awg-${tunnel}`, type: "tun", addresses: [address], mtuBytes: 1420, tunnel });
  }
  const host = { name: "darwin", routes: darwinRoutes({ system, holder }) } as unknown as Host;
  const observe = (wanted: Wanted) => routesDriver.observe(host, new Map(Object.entries(wanted)) as never);
  /** What a run does: each wanted resource that differs is made so, in the order in which the plan has them. */
  const reach = async (wanted: Wanted) => {
    const observed = await observe(wanted);
    for (const [key, spec] of Object.entries(wanted)) {
      const found = observed.get(key as ResourceKey<"routes">);
      if (found !== undefined && routesDriver.diff(spec, found).length === 0) continue;
      const before = found === undefined ? null : (routesDriver.asSpec(found) ?? null);
      await routesDriver.apply(host, [{ kind: "routes", key, action: "update", before, after: spec } as never]);
    }
  };
  const differences = async (wanted: Wanted) => {
    const observed = await observe(wanted);
    return Object.entries(wanted).flatMap(([key, spec]) => {
      const found = observed.get(key as ResourceKey<"routes">);
      return found === undefined ? [key] : routesDriver.diff(spec, found).map(({ field }) => `${key}${field}`);
    });
  };
  const way = (address: string) => {
    const route = machine.lookUp(addressOf(address));
    if (route === undefined) return "none";
    if ((route.flags & 0x1000) !== 0) return "blackhole";
    return machine.interfaceAt(route.interfaceIndex)?.name;
  };
  return { machine, system, host, observe, reach, differences, way };
}

describe("the routes resource on a Mac (double of libSystem)", () => {
  it("two tunnels share the one table, each seeing its own routes, and the endpoint goes past both", async () => {
    const { reach, differences, way } = await mac();
    expect(await differences(BOTH)).not.toEqual([]);
    await reach(BOTH);
    expect(await differences(BOTH)).toEqual([]);
    expect([way("198.51.100.1"), way("10.20.1.1"), way("192.0.2.1")]).toEqual(["utun1", "utun2", "en0"]);
  });

  it("law 3: a second run writes nothing", async () => {
    const { reach, system } = await mac();
    await reach(BOTH);
    const before = [...system.log.counts].filter(([call]) => call.startsWith("write RTM"));
    await reach(BOTH);
    expect([...system.log.counts].filter(([call]) => call.startsWith("write RTM"))).toEqual(before);
  });

  it("the pin follows the gateway by one change, and is a blackhole while there is none", async () => {
    const { reach, differences, way, system } = await mac();
    await reach(BOTH);
    const moved = { ...BOTH, "routes/policy": pinnedTo("192.168.1.254") };
    expect(await differences(moved)).toEqual(["routes/policy/pins"]);
    await reach(moved);
    expect(system.log.counts.get("write RTM_CHANGE")).toBe(1);
    expect(await differences(moved)).toEqual([]);
    const cutOff = { ...BOTH, "routes/policy": pinnedTo(undefined) };
    await reach(cutOff);
    expect(way("192.0.2.1")).toBe("blackhole");
    await reach(BOTH);
    expect(way("192.0.2.1")).toBe("en0");
    expect(await differences(BOTH)).toEqual([]);
  });

  it("what is no longer wanted is found by its marks alone, and one tunnel's end leaves the other", async () => {
    const { reach, observe, host, way } = await mac();
    await reach(BOTH);
    const found = await observe({});
    expect([...found.keys()].sort()).toEqual(["routes/home", "routes/office", "routes/policy"]);
    const before = routesDriver.asSpec(found.get("routes/office") as never);
    await routesDriver.apply(host, [
      { kind: "routes", key: "routes/office", action: "delete", before, after: null } as never,
    ]);
    expect([way("198.51.100.1"), way("10.20.1.1"), way("192.0.2.1")]).toEqual(["en0", "utun2", "en0"]);
    const policy = routesDriver.asSpec(found.get("routes/policy") as never);
    await routesDriver.apply(host, [
      { kind: "routes", key: "routes/policy", action: "delete", before: policy, after: null } as never,
    ]);
    expect([...(await observe({})).keys()]).toEqual(["routes/home"]);
  });

  it("a destination that another program leads past the tunnels needs no pin, and gets one when that route goes", async () => {
    const { reach, differences, machine, way } = await mac();
    const en0 = machine.interfaceNamed("en0")?.index ?? 0;
    const theirs = {
      prefix: prefixOf("192.0.2.1/32"),
      flags: 0x807,
      gateway: addressOf("192.168.1.9"),
      interfaceIndex: en0,
    };
    machine.routes.push({ ...theirs, scope: 0, mtu: 0 });
    await reach(BOTH);
    expect(await differences(BOTH)).toEqual([]);
    expect(machine.findRoute(theirs.prefix, 0)?.gateway).toEqual(theirs.gateway);
    for (const route of machine.routes.filter(
      ({ prefix }) => prefix.length === 32 && prefix.address === theirs.prefix.address,
    )) {
      machine.dropRoute(route);
    }
    expect(await differences(BOTH)).toEqual(["routes/policy/pins"]);
    await reach(BOTH);
    expect(way("192.0.2.1")).toBe("en0");
    expect(await differences(BOTH)).toEqual([]);
  });

  it("law 4: a pin or a half that was deleted comes back", async () => {
    const { reach, differences, machine } = await mac();
    await reach(BOTH);
    for (const route of machine.routes.filter(({ flags }) => (flags & 0x40000) !== 0).slice(0, 2))
      machine.dropRoute(route);
    expect((await differences(BOTH)).length).toBeGreaterThan(0);
    await reach(BOTH);
    expect(await differences(BOTH)).toEqual([]);
  });
});
