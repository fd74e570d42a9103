import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { DNS_KEY } from "../../../src/host/darwin/resolver/scutil.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { constant } from "../../host/darwin/fake/abi.ts";
import { addressOf, type FakeRoute, prefixOf, ROUTE_FLAG } from "../../host/darwin/fake/machine.ts";
import { MacDaemon } from "./mac-daemon.ts";
import { MacBook } from "./macbook.ts";

const CABLE = { router: "10.1.0.1", address: "10.1.0.20/24" };
/** A process of configd's, whose routes these are. */
const CONFIGD = 90;

/** The cable is plugged in and becomes the primary service: configd moves the default route, and Wi-Fi keeps a scoped one. */
function plugIn(mac: MacBook): void {
  const { machine } = mac.world;
  const wifi = machine.interfaceNamed("en0");
  const cable = machine.addInterface("en5", 6, 0x8863, 1500);
  machine.addAddress(cable, { prefix: prefixOf(CABLE.address), peer: undefined });
  const old = wayOut(mac);
  if (wifi === undefined) throw new Error("the Mac has no Wi-Fi");
  const tell = (type: "RTM_ADD" | "RTM_DELETE", route: typeof old): void =>
    machine.tell({ kind: "route", type, route, pid: CONFIGD, seq: 1, errno: 0 });
  machine.dropRoute(old);
  tell("RTM_DELETE", old);
  const scoped = { ...old, flags: old.flags | constant("RTF_IFSCOPE"), scope: wifi.index };
  const flags = ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static;
  const made = { prefix: old.prefix, flags, gateway: addressOf(CABLE.router), interfaceIndex: cable.index };
  for (const route of [scoped, { ...made, scope: 0, mtu: 0 }]) {
    machine.routes.push(route);
    tell("RTM_ADD", route);
  }
}

/** The default route of the whole Mac. */
function wayOut({ world: { machine } }: MacBook): FakeRoute {
  const found = machine.routes.find(({ prefix, scope }) => prefix.length === 0 && scope === 0);
  if (found === undefined) throw new Error("the Mac has no default route");
  return found;
}

async function someLooks({ world }: MacBook): Promise<void> {
  for (let ticks = 0; ticks < 25; ticks += 1) {
    world.tick();
    await sleep(20);
  }
}

/** The next hops of our routes that do not lead into the tunnel or nowhere. */
function pins({ world: { machine } }: MacBook): readonly string[] {
  const ours = machine.routes.filter(({ flags }) => (flags & constant("RTF_PROTO3")) !== 0);
  const outside = ours.filter(({ interfaceIndex, flags }) => {
    const name = machine.interfaceAt(interfaceIndex)?.name ?? "";
    return !name.startsWith("utun") && (flags & ROUTE_FLAG.blackhole) === 0;
  });
  return [...new Set(outside.map((one) => `${machine.interfaceAt(one.interfaceIndex)?.name} ${gatewayText(one)}`))];
}

function gatewayText({ gateway }: { readonly gateway: "link" | { readonly value: bigint } }): string {
  return gateway === "link" ? "link" : String(gateway.value);
}

describe("from Wi-Fi to a cable (doubles at both borders)", () => {
  test("H4: routes are pinned to the new router, engines get it, the resolver holds; then nothing more is done", async () => {
    using mac = new MacBook();
    const { machine } = mac.world;
    await mac.apply(await mac.plan());
    await using daemon = new MacDaemon(mac);
    await daemon.until(() => daemon.of("inSync").length > 0);
    expect(pins(mac)).toEqual([`en0 ${addressOf("192.168.1.1").value}`]);
    expect(daemon.of("applying")).toEqual([]);
    const key = machine.store.keys.get(DNS_KEY);
    const { commands } = mac.recorder;
    const commandsBefore = commands.length;

    plugIn(mac);
    await daemon.until(() => daemon.of("applied").length > 0 && daemon.of("inSync").length > 1);
    expect(pins(mac)).toEqual([`en5 ${addressOf(CABLE.router).value}`]);
    await daemon.until(() => (mac.world.engineOf("awg-home")?.touches.endpoints ?? 0) > 0);
    expect(machine.store.keys.get(DNS_KEY)).toBe(key);
    const sets = commands.slice(commandsBefore).filter(({ input = "" }) => /^set /m.test(input));
    expect(sets).toEqual([]);
    expect(stepsOf((await mac.plan()).plan)).toEqual([]);

    // What awg itself wrote wakes nobody.
    const reported = daemon.changesTold;
    expect(reported).toEqual(expect.arrayContaining(["primary service", "default route"]));
    await someLooks(mac);
    expect(daemon.of("applied")).toHaveLength(1);
    expect(daemon.changesTold).toEqual(reported);
  });

  test("H4: a key that goes with the old primary service is set again, once", async () => {
    using mac = new MacBook();
    const { machine } = mac.world;
    await mac.apply(await mac.plan());
    await using daemon = new MacDaemon(mac);
    await daemon.until(() => daemon.of("inSync").length > 0);
    const { commands } = mac.recorder;
    const [commandsBefore, flushesBefore] = [commands.length, machine.flushes];

    machine.store.keys.delete(DNS_KEY);
    // Only the way out moves, as from one Wi-Fi to another: no address and no route besides tells of it.
    const way = wayOut(mac);
    machine.tell({ kind: "route", type: "RTM_CHANGE", route: way, pid: CONFIGD, seq: 1, errno: 0 });
    await daemon.until(() => daemon.of("applied").length > 0 && daemon.of("inSync").length > 1);
    expect(machine.store.keys.get(DNS_KEY)?.get("ServerAddresses")).toEqual(["10.8.0.1"]);
    const sets = commands.slice(commandsBefore).filter(({ input = "" }) => /^set /m.test(input));
    expect(sets).toHaveLength(1);
    // Both caches, once.
    expect(machine.flushes - flushesBefore).toBe(2);
    expect(daemon.changesTold).toEqual(["primary service"]);
  });

  test("an address removed from the tunnel is given back, and that wakes nothing again", async () => {
    using mac = new MacBook();
    const { machine } = mac.world;
    await mac.apply(await mac.plan());
    await using daemon = new MacDaemon(mac);
    await daemon.until(() => daemon.of("inSync").length > 0);
    const utun = machine.interfaceNamed("utun1");
    const [taken] = utun?.addresses ?? [];
    if (utun === undefined || taken === undefined) throw new Error("the tunnel has no address");
    machine.removeAddress(utun, taken.prefix);
    await daemon.until(() => daemon.of("applied").length > 0 && daemon.of("inSync").length > 1);
    expect(utun.addresses).toContainEqual(taken);
    const reported = daemon.changesTold;
    expect(reported).toContain("addresses");
    await someLooks(mac);
    expect(daemon.changesTold).toEqual(reported);
    expect(daemon.of("applied")).toHaveLength(1);
  });
});
