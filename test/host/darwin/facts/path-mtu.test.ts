import { beforeEach, describe, expect, test } from "vitest";
import { pathMtus } from "../../../../src/host/darwin/facts/path-mtu.ts";
import { readInterfaces } from "../../../../src/host/darwin/links/interfaces.ts";
import { constant } from "../fake/abi.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { type FakeMachine, type FakeRoute, macBook, prefixOf, ROUTE_FLAG } from "../fake/machine.ts";

const ENDPOINT = "198.51.100.7";

describe("the route to an endpoint on a Mac (RTM_GET)", () => {
  let machine: FakeMachine;
  let system: FakeLibSystem;

  beforeEach(() => {
    machine = macBook();
    system = new FakeLibSystem(machine, { pid: 4300, uid: 501 });
  });

  function ways(own: readonly string[] = [], address = ENDPOINT) {
    const interfaces = readInterfaces(system).filter(({ name }) => name !== "lo0" && !own.includes(name));
    const uplinks = [{ family: 4, device: "en0", metric: 0 }] as const;
    const found = pathMtus(system, [address], { uplinks, interfaces });
    expect(system.openDescriptors).toEqual([]);
    return found;
  }

  function addRoute(more: Partial<FakeRoute>): void {
    const index = machine.interfaceNamed("en0")?.index ?? 0;
    const common = {
      prefix: prefixOf(`${ENDPOINT}/32`),
      gateway: "link",
      interfaceIndex: index,
      scope: 0,
      mtu: 0,
    } as const;
    machine.routes.push({ ...common, flags: ROUTE_FLAG.up | ROUTE_FLAG.host, ...more });
  }

  test("is the interface's, or narrower where the route says so", () => {
    expect(ways()).toEqual({ [ENDPOINT]: 1500 });
    addRoute({ mtu: 1400 });
    expect(ways()).toEqual({ [ENDPOINT]: 1400 });
  });

  test("path MTU learned from routers does not count", () => {
    addRoute({ mtu: 1280, flags: ROUTE_FLAG.up | ROUTE_FLAG.host | constant("RTF_WASCLONED") });
    expect(ways()).toEqual({ [ENDPOINT]: 1500 });
  });

  test("over a tunnel of ours it is the one that a bound socket takes", () => {
    const interfaceIndex = machine.interfaceNamed("utun0")?.index ?? 0;
    addRoute({ prefix: prefixOf("128.0.0.0/1"), interfaceIndex, flags: ROUTE_FLAG.up });
    expect(ways(["utun0"])).toEqual({ [ENDPOINT]: 1500 });
    expect(ways()).toEqual({ [ENDPOINT]: 1380 });
  });

  test.each([
    ["a route that leads nowhere", () => addRoute({ flags: ROUTE_FLAG.up | ROUTE_FLAG.blackhole })],
    ["no route at all", () => machine.routes.splice(0)],
  ])("%s is no way", (_what, arrange) => {
    arrange();
    expect(ways()).toEqual({});
  });

  test("an address of a family without a route is left out", () => {
    expect(ways([], "2001:db8::7")).toEqual({});
  });

  test("is recognised among other messages on the socket", () => {
    const [default4] = machine.routes.filter(({ prefix }) => prefix.length === 0);
    const { write } = system;
    system.write = (fd, bytes) => {
      for (const pid of [77, 4300]) {
        const route = { ...(default4 as FakeRoute), interfaceIndex: 1 };
        machine.tell({ kind: "route", type: "RTM_ADD", route, pid, seq: 1, errno: 0 });
      }
      return write.call(system, fd, bytes);
    };
    expect(ways()).toEqual({ [ENDPOINT]: 1500 });
  });

  test("is recognised among invalid messages; only invalid messages are an error, not a missing route", () => {
    const { write } = system;
    const nonsense = { kind: "bytes", family: 4, bytes: Uint8Array.of(8, 0, 6, 4, 0, 0, 0, 0) } as const;
    system.write = (fd, bytes) => {
      machine.tell(nonsense);
      return write.call(system, fd, bytes);
    };
    expect(ways()).toEqual({ [ENDPOINT]: 1500 });
    system.write = (_fd, bytes) => {
      machine.tell(nonsense);
      return { value: bytes.length, errno: 0 };
    };
    expect(() => ways()).toThrow("version 6 of the routing protocol");
    expect(system.openDescriptors).toEqual([]);
  });
});
