import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { markOfClass } from "../../src/model/ownership.ts";
import type { Resource } from "../../src/model/resource.ts";
import { expand } from "../../src/resources/expand.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../support/netns.ts";
import type { RoutesFindings, RoutesJob } from "./routes.script.ts";
import { configOf, facts, secretOf } from "./sample.ts";

const ipv6Obstacle = existsSync("/proc/net/if_inet6") ? undefined : "needs IPv6";
const obstacle = namespaceObstacle() ?? commandObstacle("ip") ?? ipv6Obstacle;
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");

let machine: TestNamespace | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});

function resourcesOf(example: string): readonly Resource[] {
  const text = readFileSync(join(EXAMPLES, example, "config.yaml"), "utf8").replace("apiVersion: awg/v1", "");
  return expand(configOf(text), facts(), { pathNumbers: {}, secrets: secretOf }).desired.resources;
}

/** An uplink eth0 with a default route in both families, and the devices that the resources ask for. */
function machineFor(resources: readonly Resource[]): TestNamespace {
  machine = makeNamespace("resroutes");
  const ip = (line: string): void => {
    machine?.run(["ip", ...line.split(" ")]);
  };
  const add = (device: string, addresses: readonly string[]): void => {
    const far = `${device.slice(0, 11)}-far`;
    ip(`link add ${device} type veth peer name ${far}`);
    // Without addresses of the kernel's own, which come and go with duplicate address detection.
    for (const end of [device, far]) ip(`link set ${end} addrgenmode none up`);
    for (const address of addresses) ip(`addr add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`);
  };
  add("eth0", ["192.168.1.20/24", "2001:db8:1::20/64"]);
  ip("route add default via 192.168.1.1 dev eth0");
  ip("-6 route add default via 2001:db8:1::1 dev eth0");
  for (const one of resources) if (one.kind === "link") add(one.spec.device, one.spec.addresses);
  return machine;
}

/** Carries the routes of the resources out inside the namespace. */
function drive(target: TestNamespace, verb: RoutesJob["verb"], resources: readonly Resource[]): RoutesFindings {
  const entries = resources.flatMap((one) => (one.kind === "routes" ? [[one.key, one.spec] as const] : []));
  return target.runScript("test/resources/routes.script.ts", { verb, entries } satisfies RoutesJob) as RoutesFindings;
}

/** The device the kernel would take, or the reason why none. */
function routeTo(target: TestNamespace, line: string): string {
  const { stdout, stderr } = target.run(["ip", "route", "get", ...line.split(" ")], { mayFail: true });
  return / dev (\S+)/.exec(stdout)?.[1] ?? stderr.trim();
}

describe.skipIf(obstacle !== undefined)(
  `routes of the examples on a real kernel${obstacle ? `: ${obstacle}` : ""}`,
  () => {
    test.each(["laptop-full-tunnel", "server", "two-tunnels"])(
      "%s: create, read back, again without a write (law 3), destroy without a trace",
      (example) => {
        const resources = resourcesOf(example);
        const target = machineFor(resources);
        const before = allOf(target);
        const created = drive(target, "create", resources);
        expect(created.changes).toEqual([]);
        expect(created.written.length).toBeGreaterThan(0);
        for (const { kind, key, spec } of resources) if (kind === "routes") expect(created.specs[key]).toEqual(spec);
        expect(drive(target, "create", resources)).toMatchObject({ written: [], changes: [] });
        drive(target, "destroy", resources);
        expect(allOf(target)).toEqual(before);
      },
    );

    test("the kernel sends each flow where the rules say, before any mark is set", () => {
      const resources = resourcesOf("two-tunnels");
      const target = machineFor(resources);
      drive(target, "create", resources);
      expect(routeTo(target, "1.2.3.4")).toBe("awg-world");
      expect(routeTo(target, "2001:db8:7::1")).toBe("awg-world");
      expect(routeTo(target, "10.77.1.1")).toBe("awg-office");
      expect(routeTo(target, "fd00:20::77")).toBe("awg-office");
      expect(routeTo(target, "10.64.0.1 ipproto udp dport 53")).toBe("awg-world");
      expect(routeTo(target, "1.2.3.4 ipproto udp dport 123")).toBe("eth0");
      expect(routeTo(target, `198.18.0.1 mark ${classOf(resources)}`)).toBe("eth0");
      expect(routeTo(target, "198.18.0.1 uid 34")).toBe("awg-world");
      expect(routeTo(target, "192.168.7.7 ipproto tcp sport 22")).toBe("eth0");
      expect(routeTo(target, "192.168.7.7 ipproto tcp sport 23")).toBe("awg-world");
      expect(routeTo(target, "203.0.113.9 mark 0x3f000000")).toBe("eth0");
      expect(routeTo(target, "203.0.113.9 mark 0x01000000")).not.toBe("eth0");
      expect(routeTo(target, "1.2.3.4 from 10.20.0.7")).not.toBe("eth0");
      expect(routeTo(target, "9.9.9.9 uid 64174 ipproto udp dport 53")).toBe("eth0");
    });

    test("law 1: when a device vanishes its flows meet the guard, and direct ones still find their route", () => {
      const resources = resourcesOf("two-tunnels");
      const target = machineFor(resources);
      drive(target, "create", resources);
      target.run(["ip", "link", "del", "awg-world"]);
      for (const address of ["1.2.3.4", "2001:db8:7::1"]) {
        expect(routeTo(target, address)).toMatch(/unreachable|No route to host/i);
      }
      expect(routeTo(target, `198.18.0.1 mark ${classOf(resources)}`)).toBe("eth0");
      expect(routeTo(target, "10.77.1.1")).toBe("awg-office");
      expect(routeTo(target, "203.0.113.9 mark 0x3f000000")).toBe("eth0");
    });
  },
);

/** The mark of the class of the first rule by user. */
function classOf(resources: readonly Resource[]): string {
  const classes = resources.flatMap((one) => (one.kind === "classifier" ? one.spec.classes : []));
  const found = classes.find(({ conditions }) => conditions.includes(0));
  if (found === undefined) throw new Error("no rule by user");
  return `0x${markOfClass(found.number).toString(16)}`;
}

/** Rules and routes of all tables, as `ip` prints them: an independent witness. */
function allOf(target: TestNamespace): string[] {
  return ["-4", "-6"].flatMap((family) => [
    ...target.run(["ip", family, "rule", "show"]).stdout.split("\n"),
    ...target.run(["ip", family, "route", "show", "table", "all"]).stdout.split("\n").toSorted(),
  ]);
}
