import { describe, expect, test } from "vitest";
import { uplinksOf } from "../../../../src/host/darwin/facts/uplinks.ts";
import { dumpRoutes } from "../../../../src/host/darwin/routes/route-socket.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { macBook, prefixOf, ROUTE_FLAG } from "../fake/machine.ts";

const { up, reject, blackhole, gateway } = ROUTE_FLAG;

describe("the uplinks of a Mac (its table of routes)", () => {
  test.each([
    ["by which nothing is let out (reject)", up | reject],
    ["that swallows all (blackhole)", up | blackhole],
    ["that is not up", gateway],
  ])("a default %s is none", (_what, flags) => {
    const machine = macBook();
    const names = new Map(machine.interfaces.map(({ index, name }) => [index, name]));
    const uplinks = () => uplinksOf(dumpRoutes(new FakeLibSystem(machine)), names);
    const before = uplinks();
    expect(before.map(({ family, device }) => [family, device])).toEqual([[4, "en0"]]);
    const interfaceIndex = machine.interfaceNamed("en0")?.index ?? 0;
    machine.routes.push({ prefix: prefixOf("::/0"), flags, gateway: "link", interfaceIndex, scope: 0, mtu: 0 });
    expect(uplinks()).toEqual(before);
    machine.routes.push({ prefix: prefixOf("::/0"), flags: up, gateway: "link", interfaceIndex, scope: 3, mtu: 0 });
    expect(uplinks().map(({ family }) => family)).toEqual([4, 6]);
  });
});
