import { describe, expect, it } from "vitest";
import { darwinLinks } from "../../../../src/host/darwin/links/darwin-links.ts";
import type { LinkSpec } from "../../../../src/model/resources/link.ts";
import { bindToInterface } from "../../../../src/native/darwin/link/bound-interface.ts";
import { openUtun } from "../../../../src/native/darwin/link/utun.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { macBook } from "../fake/machine.ts";
import { HeldUtuns } from "./held-utuns.ts";

const OFFICE: LinkSpec = {
  device: "awg-office",
  type: "tun",
  addresses: ["10.8.0.2/32", "fd00:8::2/128"],
  mtuBytes: 1420,
  tunnel: "office",
};

function mac(uid = 0) {
  const machine = macBook();
  const system = new FakeLibSystem(machine, { pid: 4242, uid });
  const holder = new HeldUtuns(system);
  return { machine, system, holder, links: darwinLinks({ system, holder }) };
}

async function linkOf({ links }: ReturnType<typeof mac>, device: string) {
  return (await links.read()).find((one) => one.device === device);
}

describe("links of a Mac (against the double of libSystem)", () => {
  it("are read with their addresses, those of others under their own names", async () => {
    const world = mac();
    expect(await linkOf(world, "en0")).toMatchObject({
      type: "other",
      up: true,
      mtuBytes: 1500,
      addresses: ["192.168.1.20/24", "fe80::10c4:4e54:6ba0:3bfe/64"],
      tunnel: undefined,
    });
    expect((await world.links.read()).map(({ device }) => device)).toEqual(["lo0", "gif0", "en0", "awdl0", "utun0"]);
    expect(world.system.openDescriptors).toEqual([]);
  });

  it("a tunnel gets the first free utun with its addresses, mtu and up, and keeps its own name", async () => {
    const world = mac();
    await world.links.ensure(OFFICE);
    expect(await world.holder.held()).toEqual(new Map([["awg-office", "utun1"]]));
    expect(await linkOf(world, "awg-office")).toMatchObject({
      type: "tun",
      up: true,
      mtuBytes: 1420,
      addresses: OFFICE.addresses,
      tunnel: "office",
      held: true,
    });
    expect(world.system.openDescriptors).toEqual(["AF_SYSTEM control"]);
  });

  it("its descriptor is no child's, is never waited on, and keeps a burst of packets rather than one", () => {
    const { system } = mac();
    const { fd } = openUtun(system);
    expect(system.descriptor(fd)).toMatchObject({ closeOnExec: true, nonblocking: true, pendingPackets: 256 });
  });

  it("law 3: a second ensure writes nothing", async () => {
    const world = mac();
    await world.links.ensure(OFFICE);
    const before = world.system.log.order.length;
    await world.links.ensure(OFFICE);
    const writes = world.system.log.order.slice(before).filter((call) => /SIOCS|SIOCAIF|SIOCDIF|connect/.test(call));
    expect(writes).toEqual([]);
  });

  it("ensure is exact: what is not wanted goes, what changed its length changes, link-local stays", async () => {
    const world = mac();
    await world.links.ensure({ ...OFFICE, addresses: ["10.8.0.2/24", "10.9.9.9/32", "fd00:8::2/64"] });
    await world.links.ensure({ ...OFFICE, mtuBytes: 1280 });
    expect(await linkOf(world, "awg-office")).toMatchObject({ addresses: OFFICE.addresses, mtuBytes: 1280 });
  });

  it("a link that was set down is set up again", async () => {
    const world = mac();
    await world.links.ensure(OFFICE);
    const utun = world.machine.interfaceNamed("utun1");
    if (utun === undefined) throw new Error("no utun1");
    utun.flags &= ~1;
    await world.links.ensure(OFFICE);
    expect(await linkOf(world, "awg-office")).toMatchObject({ up: true });
  });

  it("remove closes the descriptor, and the interface goes; removing what is absent is success", async () => {
    const world = mac();
    await world.links.ensure(OFFICE);
    await world.links.remove("awg-office");
    await world.links.remove("awg-office");
    expect(await linkOf(world, "awg-office")).toBeUndefined();
    expect(world.machine.interfaceNamed("utun1")).toBeUndefined();
    expect(world.system.openDescriptors).toEqual([]);
  });

  it("law 6: an interface of another program is not removed", async () => {
    const world = mac();
    await expect(world.links.remove("utun0")).rejects.toMatchObject({ kind: "conflict" });
    expect(world.machine.interfaceNamed("utun0")).toBeDefined();
  });

  it("without root the error says so, and no descriptor is left", async () => {
    const world = mac(501);
    await expect(world.links.ensure(OFFICE)).rejects.toMatchObject({ kind: "permission", facts: { errno: "EPERM" } });
    expect(world.system.openDescriptors).toEqual([]);
  });

  it("the kernel's own WireGuard is refused", async () => {
    await expect(mac().links.ensure({ ...OFFICE, type: "wireguard" })).rejects.toMatchObject({ kind: "unsupported" });
  });

  it("a utun of a chosen unit is that one, and a conflict where it is taken", () => {
    const { system } = mac();
    expect(openUtun(system, 7).name).toBe("utun7");
    expect(() => openUtun(system, 7)).toThrow(/making utun7 failed/);
    expect(() => openUtun(system, 0)).toThrow(expect.objectContaining({ kind: "conflict" }));
    expect(system.openDescriptors).toHaveLength(1);
  });

  it("an interface that grows the list between two reads is read all the same", async () => {
    const world = mac();
    const { system } = world;
    const read = system.sysctl.bind(system);
    let grown = 0;
    system.sysctl = (mib, out) => {
      if (out !== undefined && grown < 40)
        for (; grown < 40; grown += 1) world.machine.addInterface(`vlan${grown}`, 6, 1, 1500);
      return read(mib, out);
    };
    expect((await world.links.read()).length).toBe(45);
  });

  it("binds sockets of both families to an interface, and refuses one that is absent", () => {
    const { system, machine } = mac();
    const en0 = machine.interfaceNamed("en0")?.index ?? 0;
    const [four, six] = [system.socket(2, 2, 0).value, system.socket(30, 2, 0).value];
    bindToInterface(system, four, 4, en0);
    bindToInterface(system, six, 6, en0);
    expect(system.descriptor(four)).toMatchObject({ boundTo: en0 });
    expect(system.descriptor(six)).toMatchObject({ boundTo: en0 });
    expect(() => bindToInterface(system, four, 6, en0)).toThrow(/EINVAL/);
    expect(() => bindToInterface(system, four, 4, 999)).toThrow(/ENXIO/);
  });
});
