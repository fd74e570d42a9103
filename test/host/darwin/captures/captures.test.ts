import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { uplinksOf } from "../../../../src/host/darwin/facts/uplinks.ts";
import { pfctl } from "../../../../src/host/darwin/firewall/pfctl.ts";
import { readInterfaces } from "../../../../src/host/darwin/links/interfaces.ts";
import { routeOfMessage } from "../../../../src/host/darwin/routes/route-mapping.ts";
import { dumpRoutes } from "../../../../src/host/darwin/routes/route-socket.ts";
import { parseIp } from "../../../../src/model/ip.ts";
import { INTERFACE } from "../../../../src/native/darwin/constants.ts";
import { cutMessages } from "../../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage } from "../../../../src/native/darwin/route/route-message.codec.ts";
import { bytesOf, darwinOutput, darwinOutputs } from "../../../support/facts.ts";
import { constant, StructView, sizeOf } from "../fake/abi.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { addressOf, FakeMachine, prefixOf } from "../fake/machine.ts";
import { type CapturedRoute, readIfconfig, readNetstat } from "./captured-tables.ts";

const TABLES = darwinOutputs("netstat-rn");

/** The double with the rows of a table: interfaces by name, and each row whose gateway is an address or a link. */
function machineOf(rows: readonly CapturedRoute[]): FakeMachine {
  const machine = new FakeMachine();
  for (const name of new Set(rows.map(({ device }) => device))) machine.addInterface(name, 6, 0x8863, 1500);
  for (const { destination, gateway, flags, device } of rows) {
    const interfaceIndex = machine.interfaceNamed(device)?.index ?? 0;
    const address = gatewayOf(gateway, flags);
    machine.routes.push({
      prefix: prefixOf(destination),
      flags,
      gateway: address === undefined ? "link" : addressOf(address),
      interfaceIndex,
      scope: (flags & constant("RTF_IFSCOPE")) === 0 ? 0 : interfaceIndex,
      mtu: 0,
    });
  }
  return machine;
}

/** A next hop without its scope; undefined where the row's is a link. */
function gatewayOf(text: string, flags: number): string | undefined {
  const [bare = ""] = text.split("%");
  return (flags & constant("RTF_GATEWAY")) !== 0 && parseIp(bare) !== undefined ? bare : undefined;
}

const namesOf = (machine: FakeMachine) => new Map(machine.interfaces.map(({ index, name }) => [index, name]));

const PF_TABLES = darwinOutputs("pfctl").map((output) => ({
  ...output,
  prefixes:
    output.origin === "constructed"
      ? ["192.0.2.0/24", "198.51.100.0/25", "203.0.113.64/26"]
      : ["31.13.24.0/21", "31.13.64.0/24", "157.240.0.0/16"],
}));

/** The uplinks of each table by its name, first those of the constructed ones. */
const UPLINKS: Readonly<Record<string, readonly object[]>> = {
  "vpn-default.txt": [{ family: 4, device: "en0", metric: 2, gateway: "192.168.7.1" }],
  "scoped-vpn.txt": [{ family: 4, device: "en0", metric: 0, gateway: "10.9.0.1" }],
  "laptop-rnl.txt": [
    { family: 4, device: "en0", metric: 0, gateway: "192.168.1.254" },
    { family: 6, device: "en0", metric: 0, gateway: "fe80::5eff:fe99:fe" },
  ],
  "no-default.txt": [],
  "gateway-darwin.txt": [{ family: 4, device: "en0", metric: 2, gateway: "192.168.1.254" }],
  "tailscale-comment-f-inet.txt": [{ family: 4, device: "en0", metric: 0, gateway: "10.0.0.1" }],
  "jc-osx-10.14.6-netstat-rnl.txt": [
    { family: 4, device: "en0", metric: 0, gateway: "192.168.1.254" },
    { family: 6, device: "en0", metric: 0, gateway: "fe80::feae:34ff:fea1:3a80" },
  ],
  "gateway-darwinNoRoute.txt": [],
};

describe("outputs of macOS, held against the double and the parsers", () => {
  test.each(darwinOutputs("ifconfig"))("$origin ifconfig/$name: each interface as ifconfig printed it", ({ text }) => {
    const captured = readIfconfig(text);
    expect(captured.length).toBeGreaterThan(5);
    const machine = new FakeMachine();
    for (const { name, flags, mtu, addresses } of captured) {
      const made = machine.addInterface(name, name === "lo0" ? 24 : 6, flags, mtu);
      for (const address of addresses) machine.addAddress(made, { prefix: prefixOf(address), peer: undefined });
    }
    const reported = readInterfaces(new FakeLibSystem(machine)).map(({ name, flags, mtuBytes, addresses }) => ({
      name,
      flags,
      mtu: mtuBytes,
      addresses: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`).toSorted(),
    }));
    expect(reported).toEqual(
      captured.map(({ name, flags, mtu, addresses }) => ({ name, flags, mtu, addresses: addresses.toSorted() })),
    );
    for (const { name, flags, words } of captured) {
      for (const word of ["UP", "LOOPBACK", "POINTOPOINT", "RUNNING"] as const)
        expect((flags & INTERFACE[`IFF_${word}`]) !== 0, `${name} ${word}`).toBe(words.includes(word));
    }
  });

  const tables = TABLES.filter(({ name }) => !/NoRoute|no-default/.test(name));
  test.each(tables)("$origin netstat-rn/$name: routes, without neighbours and scoped ones", ({ text }) => {
    const rows = readNetstat(text);
    expect(rows.length).toBeGreaterThan(1);
    const machine = machineOf(rows);
    const nameOf = namesOf(machine);
    const reported = dumpRoutes(new FakeLibSystem(machine)).flatMap((one) => {
      const route = routeOfMessage(one, { nameOf, indexOf: new Map() });
      return route === undefined ? [] : [`${route.destination} ${route.gateway ?? "link"} ${route.device}`];
    });
    const hidden = constant("RTF_WASCLONED") + constant("RTF_IFSCOPE");
    const wanted = rows
      .filter(({ flags }) => (flags & hidden) === 0)
      .map(({ destination, gateway, flags, device }) => {
        return `${destination} ${gatewayOf(gateway, flags) ?? "link"} ${device}`;
      });
    expect(reported.toSorted()).toEqual(wanted.toSorted());
  });

  test.each(TABLES.filter(({ name }) => UPLINKS[name] !== undefined))(
    "$origin netstat-rn/$name: the uplinks, also where another VPN has the default",
    ({ name, text }) => {
      const machine = machineOf(readNetstat(text));
      expect(uplinksOf(dumpRoutes(new FakeLibSystem(machine)), namesOf(machine))).toEqual(UPLINKS[name]);
    },
  );

  test.each(darwinOutputs("route-monitor"))(
    "$origin: the message that route(8) printed, rebuilt",
    ({ origin, text }) => {
      const [, length = "", pid = "", sequence = "", scope = ""] =
        /RTM_ADD: .*len (\d+), pid: (\d+), seq (\d+), errno 0, ifscope (\d+), flags:<UP,GATEWAY,DONE,STATIC,IFSCOPE>/.exec(
          text,
        ) ?? [];
      const output = darwinOutputs("raw-route-sockaddrs").find(
        (one) => one.origin === origin && /^(?:golang-net-)?4/.test(one.name),
      );
      const area = bytesOf(output ?? { text: "" });
      const bytes = new Uint8Array(sizeOf("rt_msghdr") + area.length);
      // The length that route(8) printed: 92 bytes of the header, 60 of the addresses.
      expect(bytes.length).toBe(Number(length));
      bytes.set(area, sizeOf("rt_msghdr"));
      const view = new StructView("rt_msghdr", bytes);
      const flags = ["UP", "GATEWAY", "DONE", "STATIC", "IFSCOPE"].reduce(
        (sum, name) => sum + constant(`RTF_${name}`),
        0,
      );
      view.set("rtm_msglen", bytes.length);
      view.set("rtm_version", constant("RTM_VERSION"));
      view.set("rtm_type", constant("RTM_ADD"));
      view.set("rtm_index", Number(scope));
      view.set("rtm_pid", Number(pid));
      view.set("rtm_seq", Number(sequence));
      view.set("rtm_flags", flags);
      view.set(
        "rtm_addrs",
        ["DST", "GATEWAY", "NETMASK"].reduce((sum, name) => sum + constant(`RTA_${name}`), 0),
      );
      const gateway = /sockaddrs: <DST,GATEWAY,NETMASK>\s+:: (\S+) ::/.exec(text)?.[1];
      expect(cutMessages(bytes).map(decodeRouteMessage)).toMatchObject([
        {
          family: 6,
          destination: "::",
          prefixLength: 0,
          index: 13,
          flags,
          gateway: { kind: "inet", address: gateway },
        },
      ]);
    },
  );

  test.each(PF_TABLES)(
    "$origin pfctl: a table's prefixes; the usual ALTQ notes are no error",
    async ({ text, prefixes }) => {
      const [noise, table] = [/^\S/, /^\s/].map((form) =>
        text
          .split("\n")
          .filter((line) => form.test(line))
          .join("\n"),
      );
      const answering = (status: number) =>
        pfctl(async () => ({ status, stdout: `${table}\n`, stderr: `${noise}\n` })).table("com.awg", "threats");
      expect(await answering(0)).toEqual(prefixes);
      await expect(answering(1)).rejects.toThrow(/read the table threats/);
      await expect(answering(1)).rejects.not.toThrow(/ALTQ/);
    },
  );

  test("examples/laptop/hosts/macos.json is the constructed laptop: names, numbers, MTUs, addresses, the router", () => {
    const file = new URL("../../../../examples/laptop/hosts/macos.json", import.meta.url);
    const { links, routes } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly links: readonly {
        readonly device: string;
        readonly index: number;
        readonly mtuBytes: number;
        readonly addresses: readonly string[];
      }[];
      readonly routes: readonly { readonly destination: string; readonly gateway: string; readonly device: string }[];
    };
    const listed = darwinOutput("netstat-i/laptop.txt");
    const interfaces = readIfconfig(darwinOutput("ifconfig/laptop.txt"));
    for (const { device, index, mtuBytes, addresses } of links) {
      expect(listed, device).toMatch(new RegExp(`^${device}\\s+${mtuBytes}\\s+<Link#${index}>`, "m"));
      const printed = interfaces.find(({ name }) => name === device)?.addresses;
      expect(addresses.filter((address) => printed?.includes(address) !== true)).toEqual([]);
    }
    const rows = readNetstat(darwinOutput("netstat-rn/laptop-rnl.txt"));
    for (const { destination, gateway, device } of routes)
      expect(rows).toContainEqual(expect.objectContaining({ destination, gateway, device }));
  });
});
