import { afterEach, describe, expect, it } from "vitest";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle();
const FOLDER = "test/native/linux/rtnetlink";

let namespace: TestNamespace | undefined;
afterEach(() => {
  namespace?.[Symbol.dispose]();
  namespace = undefined;
});

interface MachineReport {
  readonly links: readonly Record<string, unknown>[];
  readonly addresses: readonly Record<string, unknown>[];
  readonly routes: readonly Record<string, unknown>[];
  readonly emptyTable: readonly unknown[];
  readonly byGoneDevice: readonly unknown[];
  readonly byProtocol: number;
  readonly rules: readonly Record<string, unknown>[];
  readonly byMark: unknown;
  readonly byUid: unknown;
  readonly lan: unknown;
  readonly lan6: unknown;
  readonly prohibited: unknown;
  readonly missing: unknown;
  readonly errors: readonly string[];
}

describe.skipIf(obstacle !== undefined)(`rtnetlink on the real kernel${obstacle ? ` (${obstacle})` : ""}`, () => {
  it("builds links, addresses, routes and rules that ip sees as meant, and reads them back", () => {
    namespace = makeNamespace("rtnl");
    const report = namespace.runScript(`${FOLDER}/machine.script.ts`) as MachineReport;
    const ip = (...words: string[]) => JSON.parse(namespace?.run(["ip", "-j", ...words]).stdout ?? "[]");

    const links: { ifname: string; mtu: number; ifalias?: string; flags: string[] }[] = ip("link");
    expect(links.find(({ ifname }) => ifname === "left")).toMatchObject({ mtu: 1400, ifalias: "made by a test" });
    expect(links.find(({ ifname }) => ifname === "stub")).toMatchObject({ mtu: 1280, ifalias: "renamed" });
    for (const { ifname, mtu, flags } of links) {
      const read = report.links.find((link) => link["name"] === ifname);
      expect(read).toMatchObject({ mtu, up: flags.includes("UP"), loopback: flags.includes("LOOPBACK") });
    }
    expect(report.links.find((link) => link["name"] === "left")).toMatchObject({
      kind: "veth",
      alias: "made by a test",
    });

    expect(report.addresses).toContainEqual(
      expect.objectContaining({ address: "10.7.0.1/24", protocol: 97, family: 4, label: "left" }),
    );
    expect(report.addresses).toContainEqual(expect.objectContaining({ address: "fd07::1/64", protocol: 97 }));
    expect(report.addresses).not.toContainEqual(expect.objectContaining({ address: "10.7.9.9/32" }));

    expect(namespace.run(["ip", "route", "show", "table", "51820"]).stdout.replace(/ (linkdown|dead)\b/g, "")).toBe(
      [
        "unreachable default proto 158 metric 99 ",
        "10.8.0.0/16 dev stub proto 158 scope link mtu 1300 ",
        "10.9.0.0/16 via 10.7.0.2 dev left proto 158 ",
        "10.10.0.0/16 via inet6 fd07::2 dev left proto 158 ",
        "throw 10.11.0.0/16 proto 158 ",
        "blackhole 10.12.0.0/16 proto 158 ",
        "10.13.0.0/16 proto 158 ",
        "\tnexthop via 10.7.0.2 dev left weight 1 ",
        "\tnexthop dev stub weight 7 ",
        "10.14.0.0/16 dev stub proto 158 scope link src 10.7.0.1 metric 7 ",
        "",
      ].join("\n"),
    );
    const inet6 = namespace.run(["ip", "-6", "route", "show", "table", "51820"]).stdout;
    expect(inet6).toContain("fd09::/48 via fd07::2 dev left proto 158 metric 1024");
    expect(inet6).toContain("unreachable default dev lo proto 158 metric 99");

    const back = new Map(report.routes.map((route) => [`${route["destination"]}`, route]));
    expect(back.get("::/0")).toEqual(expect.not.objectContaining({ oif: 1 }));
    expect(back.get("10.8.0.0/16")).toMatchObject({ type: "unicast", mtu: 1300, scope: 253, table: 51820 });
    expect(back.get("10.10.0.0/16")).toMatchObject({ gateway: "fd07::2" });
    expect(back.get("10.13.0.0/16")).toMatchObject({
      nextHops: [{ gateway: "10.7.0.2", weight: 1 }, { weight: 7 }],
    });
    expect(back.get("10.14.0.0/16")).toMatchObject({ preferredSource: "10.7.0.1", priority: 7 });
    expect(report.routes).toHaveLength(10);
    expect([report.emptyTable, report.byProtocol]).toEqual([[], 8]);
    expect(report.byGoneDevice).toEqual([]);
  });

  it("writes policy rules that ip prints as meant, and asks the kernel for its decisions", () => {
    namespace = makeNamespace("rule");
    const report = namespace.runScript(`${FOLDER}/machine.script.ts`) as MachineReport;
    const rules = namespace
      .run(["ip", "rule"])
      .stdout.split("\n")
      .filter((line) => line.includes("158"));
    expect(rules).toEqual([
      "96:\tfrom all uidrange 2000-2000 prohibit proto 158",
      "97:\tfrom all oif stub prohibit proto 158",
      "98:\tfrom all uidrange 1000-1001 ipproto udp dport 53 lookup 51820 proto 158",
      "99:\tfrom all lookup main suppress_prefixlength 0 proto 158",
      "100:\tnot from all fwmark 0x51/0xff lookup 51820 proto 158",
    ]);
    expect(namespace.run(["ip", "-6", "rule"]).stdout).toContain("from fd07::/64 iif left lookup 51820 proto 158");
    expect(report.rules.filter((rule) => rule["protocol"] === 158)).toEqual([
      { family: 4, priority: 96, action: "prohibit", uids: { from: 2000, to: 2000 }, protocol: 158 },
      { family: 4, priority: 97, action: "prohibit", oif: "stub", protocol: 158 },
      {
        family: 4,
        priority: 98,
        action: "table",
        table: 51820,
        uids: { from: 1000, to: 1001 },
        ipProtocol: 17,
        destinationPorts: { from: 53, to: 53 },
        protocol: 158,
      },
      { family: 4, priority: 99, action: "table", table: 254, suppressPrefixLength: 0, protocol: 158 },
      { family: 4, priority: 100, action: "table", table: 51820, mark: 0x51, mask: 0xff, not: true, protocol: 158 },
      { family: 6, priority: 100, action: "table", table: 51820, iif: "left", source: "fd07::/64", protocol: 158 },
    ]);
    expect(report.byMark).toMatchObject({ route: { table: 51820 } });
    expect(report.byUid).toEqual({ refused: "ENETUNREACH" });
    expect(report.lan).toMatchObject({ route: { table: 254, preferredSource: "10.7.0.1" } });
    expect(report.lan6).toMatchObject({ route: { family: 6, table: 254, preferredSource: "fd07::1" } });
    expect(report.prohibited).toEqual({ refused: "EACCES" });
    expect(report.missing).toBeNull();
    expect(report.errors).toEqual([
      expect.stringContaining("adding IPv4 policy rule 97 failed: already exists (EEXIST)"),
      expect.stringContaining("adding address 10.7.9.9/32 to link 4711 failed: no such device (ENODEV)"),
      expect.stringContaining("creating the veth link stub failed: already exists (EEXIST)"),
      expect.stringContaining("creating the no-such-kind link strange failed: not supported (EOPNOTSUPP)"),
    ]);
  });

  it("writes 10,000 routes in batches, reports each refusal, and notices lost events", () => {
    namespace = makeNamespace("batch");
    const report = namespace.runScript(`${FOLDER}/batch.script.ts`) as Record<string, unknown>;
    expect(report["created"]).toEqual(
      [0, 777, 5000, 9999].map((n) => [
        n,
        expect.stringContaining(`adding route 11.${n >> 8}.${n & 255}.0/24 in table 51820 failed: no such device`),
      ]),
    );
    expect(report).toMatchObject({
      afterCreate: 9996,
      again: 9996,
      replaced: 0,
      few: 3,
      fewOverrun: false,
      quiet: 0,
      overrun: true,
      afterOverrun: false,
      afterDelete: 0,
      silent: false,
      woken: true,
    });
  });

  it("reads each route that stays, once, also beside a program that keeps changing others", () => {
    namespace = makeNamespace("rival");
    expect(namespace.runScript(`${FOLDER}/rival.script.ts`)).toEqual([
      { missing: 0, twice: 0 },
      { missing: 0, twice: 0 },
    ]);
  });
});
