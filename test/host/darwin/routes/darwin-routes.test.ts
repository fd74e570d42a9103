import { describe, expect, it } from "vitest";
import { darwinLinks } from "../../../../src/host/darwin/links/darwin-links.ts";
import { darwinRoutes } from "../../../../src/host/darwin/routes/darwin-routes.ts";
import type { Route, RouteChanges } from "../../../../src/host/ports/routes.ts";
import { ROUTE_PROTOCOL } from "../../../../src/model/ownership.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { addressOf, macBook, prefixOf } from "../fake/machine.ts";
import { HeldUtuns } from "../links/held-utuns.ts";

const NOTHING: RouteChanges = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };
const HALVES = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"];

async function mac(uid = 0) {
  const machine = macBook();
  const root = new FakeLibSystem(machine);
  const holder = new HeldUtuns(root);
  const system = uid === 0 ? root : new FakeLibSystem(machine, { pid: 4243, uid });
  const addresses = ["10.8.0.2/32", "fd00:8::2/128"];
  const spec = { device: "awg-office", type: "tun", addresses, mtuBytes: 1420, tunnel: "office" } as const;
  await darwinLinks({ system: root, holder }).ensure(spec);
  return { machine, system, holder, routes: darwinRoutes({ system, holder }) };
}

function into(destination: string, device = "awg-office", gateway?: string): Route {
  return {
    family: destination.includes(":") ? 6 : 4,
    table: 254,
    destination,
    type: "unicast",
    device,
    ...(gateway === undefined ? {} : { gateway }),
    metric: 0,
    protocol: ROUTE_PROTOCOL,
  };
}

function blackhole(destination: string): Route {
  const { device: _device, ...rest } = into(destination);
  return { ...rest, type: "blackhole" };
}

async function ours({ routes }: Awaited<ReturnType<typeof mac>>): Promise<string[]> {
  return (await routes.readRoutes())
    .filter(({ protocol }) => protocol === ROUTE_PROTOCOL)
    .map(({ type, destination, gateway, device }) => [type, destination, gateway, device].filter(Boolean).join(" "))
    .sort();
}

/** Where a packet goes by the machine's own look-up. */
function routeTo({ machine }: Awaited<ReturnType<typeof mac>>, address: string): string | undefined {
  const route = machine.lookUp(addressOf(address));
  return route === undefined ? undefined : machine.interfaceAt(route.interfaceIndex)?.name;
}

describe("routes of a Mac (against the double of libSystem)", () => {
  it("halves of both internets lead into the tunnel and leave the machine's default where it is", async () => {
    const world = await mac();
    const addRoutes = HALVES.map((half) => into(half));
    await world.routes.change({ ...NOTHING, addRoutes });
    expect(await ours(world)).toEqual(HALVES.map((half) => `unicast ${half} awg-office`).sort());
    expect(routeTo(world, "198.51.100.7")).toBe("utun1");
    expect(routeTo(world, "203.0.113.7")).toBe("utun1");
    expect((await world.routes.readRoutes()).find(({ destination }) => destination === "0.0.0.0/0")).toMatchObject({
      device: "en0",
      gateway: "192.168.1.1",
      protocol: 0,
    });
    expect(world.system.openDescriptors).toEqual(["AF_SYSTEM control"]);
  });

  it("law 3: the same change again is success and changes nothing", async () => {
    const world = await mac();
    const addRoutes = [...HALVES.map((half) => into(half)), into("192.0.2.1/32", "en0", "192.168.1.1")];
    await world.routes.change({ ...NOTHING, addRoutes });
    const before = await ours(world);
    await world.routes.change({ ...NOTHING, addRoutes });
    expect(await ours(world)).toEqual(before);
    await world.routes.change({ ...NOTHING, deleteRoutes: addRoutes });
    await world.routes.change({ ...NOTHING, deleteRoutes: addRoutes });
    expect(await ours(world)).toEqual([]);
  });

  it("an endpoint is pinned to the physical gateway, and changed at once when that changes", async () => {
    const world = await mac();
    const pin = into("192.0.2.1/32", "en0", "192.168.1.1");
    await world.routes.change({ ...NOTHING, addRoutes: [...HALVES.map((half) => into(half)), pin] });
    expect(routeTo(world, "192.0.2.1")).toBe("en0");
    const moved = { ...pin, gateway: "192.168.1.254" };
    await world.routes.change({ ...NOTHING, addRoutes: [moved], deleteRoutes: [pin] });
    expect(await ours(world)).toContain("unicast 192.0.2.1/32 192.168.1.254 en0");
    expect(world.system.log.counts.get("write RTM_CHANGE")).toBe(1);
    expect(world.system.log.counts.get("write RTM_DELETE")).toBeUndefined();
  });

  it("an endpoint is pinned by the interface asked for, though Wi-Fi leads to the same gateway", async () => {
    const world = await mac();
    const cable = world.machine.addInterface("en7", 6, 0x8863, 1500);
    world.machine.addAddress(cable, { prefix: prefixOf("192.168.1.21/24"), peer: undefined });
    const pin = into("192.0.2.1/32", "en7", "192.168.1.1");
    await world.routes.change({ ...NOTHING, addRoutes: [pin] });
    expect(await ours(world)).toEqual(["unicast 192.0.2.1/32 192.168.1.1 en7"]);
    const moved = { ...pin, device: "en0" };
    await world.routes.change({ ...NOTHING, addRoutes: [moved], deleteRoutes: [pin] });
    expect(await ours(world)).toEqual(["unicast 192.0.2.1/32 192.168.1.1 en0"]);
    expect(world.system.log.counts.get("write RTM_DELETE")).toBeUndefined();
  });

  it("an endpoint without a route is a blackhole, and becomes a pin again", async () => {
    const world = await mac();
    const pin = into("192.0.2.1/32", "en0", "192.168.1.1");
    await world.routes.change({ ...NOTHING, addRoutes: [pin] });
    await world.routes.change({ ...NOTHING, addRoutes: [blackhole("192.0.2.1/32")], deleteRoutes: [pin] });
    expect(await ours(world)).toEqual(["blackhole 192.0.2.1/32"]);
    await world.routes.change({ ...NOTHING, addRoutes: [pin], deleteRoutes: [blackhole("192.0.2.1/32")] });
    expect(await ours(world)).toEqual(["unicast 192.0.2.1/32 192.168.1.1 en0"]);
  });

  it("what led nowhere leads into the tunnel, and nowhere again: a route keeps its flags until it goes", async () => {
    const world = await mac();
    const [nowhere, way] = [blackhole("198.51.100.0/24"), into("198.51.100.0/24")];
    await world.routes.change({ ...NOTHING, addRoutes: [nowhere] });
    await world.routes.change({ ...NOTHING, addRoutes: [way], deleteRoutes: [nowhere] });
    expect(await ours(world)).toEqual(["unicast 198.51.100.0/24 awg-office"]);
    await world.routes.change({ ...NOTHING, addRoutes: [nowhere], deleteRoutes: [way] });
    expect(await ours(world)).toEqual(["blackhole 198.51.100.0/24"]);
  });

  it("an IPv6 endpoint is pinned through a link-local gateway by the interface's scope", async () => {
    const world = await mac();
    await world.routes.change({ ...NOTHING, addRoutes: [into("2001:db8::1/128", "en0", "fe80::1")] });
    expect(await ours(world)).toEqual(["unicast 2001:db8::1/128 fe80::1 en0"]);
    expect(routeTo(world, "2001:db8::1")).toBe("en0");
  });

  it("law 6: another program's route in the same place is a conflict and stays", async () => {
    const world = await mac();
    const { machine } = world;
    const prefix = prefixOf("198.51.100.0/24");
    const en0 = machine.interfaceNamed("en0")?.index ?? 0;
    machine.routes.push({
      prefix,
      flags: 0x803,
      gateway: addressOf("192.168.1.9"),
      interfaceIndex: en0,
      scope: 0,
      mtu: 0,
    });
    const change = world.routes.change({ ...NOTHING, addRoutes: [into("198.51.100.0/24")] });
    await expect(change).rejects.toMatchObject({ kind: "conflict", facts: { destination: "198.51.100.0/24" } });
    expect(routeTo(world, "198.51.100.7")).toBe("en0");
  });

  it("law 6: deleting takes exactly our route: not the default, not another's, not one that leads elsewhere", async () => {
    const world = await mac();
    await world.routes.change({ ...NOTHING, addRoutes: [into("198.51.100.0/24")] });
    const deleteRoutes = [
      into("0.0.0.0/0", "en0", "192.168.1.1"),
      into("192.168.1.0/24", "en0"),
      into("198.51.100.0/24", "en0", "192.168.1.1"),
    ];
    const before = world.machine.routes.length;
    await world.routes.change({ ...NOTHING, deleteRoutes });
    expect(world.machine.routes.length).toBe(before);
    expect(await ours(world)).toEqual(["unicast 198.51.100.0/24 awg-office"]);
  });

  it("routes into a tunnel that went are gone with it", async () => {
    const world = await mac();
    const addRoutes = HALVES.map((half) => into(half));
    await world.routes.change({ ...NOTHING, addRoutes });
    await world.holder.release("awg-office");
    expect(await ours(world)).toEqual([]);
    await world.routes.change({ ...NOTHING, deleteRoutes: addRoutes });
  });

  it.each([
    ["a device that is absent", [into("198.51.100.0/24", "awg-none")], "host"],
    ["a table of its own", [{ ...into("198.51.100.0/24"), table: 100 }], "unsupported"],
  ])("a route with %s is refused and nothing is written", async (_name, addRoutes, kind) => {
    const world = await mac();
    await expect(world.routes.change({ ...NOTHING, addRoutes })).rejects.toMatchObject({ kind });
    expect(await ours(world)).toEqual([]);
  });

  it("a policy rule is refused with a clear sentence; there are none to read", async () => {
    const world = await mac();
    const rule = { family: 4, preference: 10_100, match: {}, table: 254 } as const;
    await expect(world.routes.change({ ...NOTHING, addRules: [rule] })).rejects.toThrow(/no policy rules/);
    await world.routes.change({ ...NOTHING, deleteRules: [rule] });
    expect(await world.routes.readRules()).toEqual([]);
    expect(await world.routes.readRoutes([100])).toEqual([]);
  });

  it("without root the change is refused, reading is not", async () => {
    const world = await mac(501);
    await expect(world.routes.change({ ...NOTHING, addRoutes: [into("0.0.0.0/1")] })).rejects.toMatchObject({
      kind: "permission",
    });
    expect((await world.routes.readRoutes()).length).toBeGreaterThan(0);
    expect(world.system.openDescriptors).toEqual([]);
  });

  it("an interface's own scope is not the machine's route", async () => {
    const world = await mac();
    const { machine } = world;
    const en0 = machine.interfaceNamed("en0")?.index ?? 0;
    const scoped = {
      prefix: prefixOf("0.0.0.0/0"),
      flags: 0x1000803,
      gateway: addressOf("192.168.1.1"),
      interfaceIndex: en0,
    };
    machine.routes.push({ ...scoped, scope: en0, mtu: 0 });
    const defaults = (await world.routes.readRoutes()).filter(({ destination }) => destination === "0.0.0.0/0");
    expect(defaults).toHaveLength(1);
  });
});
