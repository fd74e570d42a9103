import { describe, expect, test } from "vitest";
import type { Route } from "../../../src/host/ports/routes.ts";
import { CrashError } from "../../../src/host/simulated/faults.ts";
import { simulatedHost } from "../../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { parseMachineFile, renderMachineFile } from "../../../src/host/simulated/machine-file.ts";
import { defaultRoute, laptopState, MAIN_TABLE } from "../../../src/host/simulated/machine-state.ts";
import type { FirewallPolicy, PolicyLayer } from "../../../src/model/firewall/policy.ts";
import { ENGINE_MARK, MARK_MASK, markOfPath, tableOfPath } from "../../../src/model/ownership.ts";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import type { PolicyRule } from "../../../src/model/resources/routes.ts";
import type { TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../../src/model/secret.ts";

const OFFICE: LinkSpec = {
  device: "awg-office",
  type: "tun",
  addresses: ["10.8.0.2/32", "fd00:8::2/128"],
  mtuBytes: 1420,
  tunnel: "office",
};
const OFFICE_ENGINE: TunnelSpec = {
  device: "awg-office",
  protocol: "wireguard",
  engine: "userspace",
  privateKey: "ab".repeat(32) as SecretId,
  listenPort: 0,
  fwmark: ENGINE_MARK,
  peers: [
    {
      publicKey: "P".repeat(43),
      endpoint: "198.51.100.7:51820",
      allowedIPs: ["0.0.0.0/0"],
      persistentKeepaliveSeconds: 25,
    },
  ],
  obfuscation: {},
};
const TABLE = tableOfPath(1);
const OFFICE_PATH = { kind: "tunnel", device: "awg-office", number: 1 } as const;
const UDP = { protocol: 17, destinationPort: 4433, uid: 1000 } as const;

function laptop(): SimulatedMachine {
  return new SimulatedMachine(laptopState());
}

function officeRoute(destination: string): Route {
  const family = destination.includes(":") ? 6 : 4;
  return { family, table: TABLE, destination, type: "unicast", device: "awg-office", metric: 0, protocol: 174 };
}

function guard(family: 4 | 6): Route {
  const destination = family === 4 ? "0.0.0.0/0" : "::/0";
  return { family, table: TABLE, destination, type: "unreachable", metric: 4096, protocol: 174 };
}

function rule(preference: number, table: number, mark?: number): PolicyRule {
  const match = mark === undefined ? {} : { mark: { value: mark, mask: MARK_MASK } };
  return { family: 4, preference, match, table };
}

function killSwitch(): FirewallPolicy {
  const flows = { rules: [], default: OFFICE_PATH } as const;
  const layer: PolicyLayer = {
    killSwitch: true,
    tunnels: [{ device: "awg-office", number: 1, addresses: ["10.8.0.2", "fd00:8::2"], families: [4] }],
    flows,
    endpoints: [{ address: "198.51.100.7", port: 51_820, protocol: 17 }],
    listens: [],
    bootstrapDns: [],
    serviceUid: 64_174,
    allowLan: false,
    allow: [],
    dns: null,
  };
  return { steering: flows, layers: [layer] };
}

/** The laptop with one whole tunnel and its kill switch. */
async function protectedLaptop(): Promise<SimulatedMachine> {
  const machine = laptop();
  const host = simulatedHost(machine);
  await host.firewall.load(killSwitch());
  await host.links.ensure(OFFICE);
  await host.engines.ensure(OFFICE_ENGINE);
  const rules = [rule(10_100, MAIN_TABLE, ENGINE_MARK), rule(10_110, TABLE, markOfPath(1)), rule(10_200, TABLE)];
  const addRoutes = [guard(4), guard(6), officeRoute("0.0.0.0/0")];
  await host.routes.change({ addRoutes, deleteRoutes: [], addRules: rules, deleteRules: [] });
  return machine;
}

describe("routing", () => {
  test("an untouched laptop sends by its default route, with the source of that link", () => {
    const machine = laptop();
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toEqual({
      kind: "leaves",
      device: "eth0",
      physical: true,
      source: "192.168.1.20",
      mark: 0,
      gateway: "192.168.1.1",
    });
    expect(machine.send({ ...UDP, destination: "2001:db8:2::1" })).toMatchObject({ source: "2001:db8:1::20" });
    expect(machine.send({ ...UDP, destination: "192.168.1.20" })).toEqual({ kind: "local" });
    expect(machine.send({ ...UDP, destination: "127.8.9.1" })).toEqual({ kind: "local" });
    expect(machine.send({ ...UDP, destination: "ff02::1" })).toMatchObject({ device: "eth0", source: "fe80::20" });
  });

  test("the longest prefix wins, then the smallest metric", () => {
    const machine = laptop();
    machine.routes.set(defaultRoute(4, "lo", "192.168.1.2", 50));
    machine.routes.set({ ...defaultRoute(4, "eth0", "192.168.1.3", 900), destination: "203.0.113.0/24" });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ device: "eth0" });
    expect(machine.send({ ...UDP, destination: "198.18.0.1" })).toEqual({ kind: "local" });
  });

  test("a rule may pass over what main says of short prefixes, as wg-quick does", async () => {
    const machine = laptop();
    const host = simulatedHost(machine);
    await host.links.ensure(OFFICE);
    await host.engines.ensure(OFFICE_ENGINE);
    const suppress: PolicyRule = { ...rule(10_100, MAIN_TABLE), suppressPrefixLength: 0 };
    const addRules = [suppress, rule(10_101, TABLE)];
    await host.routes.change({ addRoutes: [officeRoute("0.0.0.0/0")], deleteRoutes: [], addRules, deleteRules: [] });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ device: "awg-office" });
    expect(machine.send({ ...UDP, destination: "192.168.1.9" })).toMatchObject({ device: "eth0" });
  });

  test("a guard stops what would fall through to main, and a throw lets it through", async () => {
    const machine = await protectedLaptop();
    machine.act({ act: "remove-device", device: "awg-office" });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ kind: "dropped", by: "route" });
    machine.routes.set({ ...guard(4), type: "throw", destination: "203.0.113.0/24" });
    machine.live.firewall.policy = null;
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ device: "eth0" });
  });

  test("a socket bound to a device goes out there although no rule says so, IPv4 only", async () => {
    const machine = await protectedLaptop();
    const bound = { ...UDP, boundDevice: "eth0" };
    expect(machine.send({ ...bound, destination: "203.0.113.5" })).toMatchObject({ by: "firewall" });
    machine.live.firewall.policy = null;
    expect(machine.send({ ...bound, destination: "203.0.113.5" })).toMatchObject({ kind: "leaves", device: "eth0" });
  });
});

describe("the kill switch", () => {
  test("steers a flow into its tunnel, with the tunnel's own address", async () => {
    const machine = await protectedLaptop();
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toEqual({
      kind: "leaves",
      device: "awg-office",
      physical: false,
      source: "10.8.0.2",
      mark: markOfPath(1),
    });
  });

  test("only our uid with our mark reaches the endpoint", async () => {
    const machine = await protectedLaptop();
    const outer = { destination: "198.51.100.7", protocol: 17, destinationPort: 51_820 };
    expect(machine.send({ ...outer, uid: 64_174, mark: ENGINE_MARK })).toMatchObject({ device: "eth0" });
    expect(machine.send({ ...outer, uid: 0, mark: ENGINE_MARK })).not.toMatchObject({ device: "eth0" });
    expect(machine.send({ ...outer, uid: 64_174, mark: 0 })).not.toMatchObject({ device: "eth0" });
  });

  test("a tunnel without a holder carries nothing, nor does one without an engine", async () => {
    const machine = await protectedLaptop();
    machine.act({ act: "stop-engine", device: "awg-office" });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ kind: "dropped", by: "engine" });
    machine.act({ act: "keeper-dies" });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ kind: "dropped", by: "device" });
  });

  test("a flush removes our tables only while they have no owner", async () => {
    const machine = await protectedLaptop();
    machine.act({ act: "flush-firewall" });
    expect(machine.live.firewall.policy).not.toBeNull();
    machine.act({ act: "keeper-dies" });
    machine.act({ act: "flush-firewall" });
    expect(machine.live.firewall.policy).toBeNull();
  });

  test("another program's table drops whatever ours says", async () => {
    const machine = await protectedLaptop();
    machine.live.foreignTables.push({ name: "inet corp", drops: ["203.0.113.0/24"] });
    expect(machine.send({ ...UDP, destination: "203.0.113.5" })).toMatchObject({ by: "foreign table" });
  });

  test("from outside a tunnel's address is not to be reached", async () => {
    const machine = await protectedLaptop();
    const packet = { source: "192.168.1.9", destination: "10.8.0.2", protocol: 17, destinationPort: 53 };
    expect(machine.receive("eth0", packet)).toMatchObject({ kind: "dropped", by: "firewall" });
    expect(laptop().receive("eth0", { ...packet, destination: "192.168.1.20" })).toEqual({ kind: "local" });
    expect(laptop().receive("eth0", packet)).toMatchObject({ by: "route" });
  });
});

describe("time", () => {
  test("a peer that answers completes its handshake when its outer packets get out", async () => {
    const machine = await protectedLaptop();
    const seconds = (): number | undefined => machine.live.engines[0]?.peers[0]?.lastHandshakeSeconds;
    machine.advance(5_000);
    expect(seconds()).toBe(0);
    machine.live.answeringPeers.push("P".repeat(43));
    machine.advance(5_000);
    expect(seconds()).toBe(1_700_000_010);
    machine.live.foreignTables.push({ name: "inet corp", drops: ["198.51.100.0/24"] });
    machine.advance(5_000);
    expect(seconds()).toBe(1_700_000_010);
  });
});

describe("faults", () => {
  test("the n-th write fails and leaves things as they were, the next goes through", async () => {
    const machine = laptop();
    const host = simulatedHost(machine);
    machine.schedule([{ at: 2, fault: { kind: "fail", error: "host", times: 2 } }]);
    await expect(host.links.ensure(OFFICE)).rejects.toMatchObject({ kind: "host" });
    await expect(host.links.ensure(OFFICE)).rejects.toMatchObject({ kind: "host" });
    expect(machine.link("awg-office")?.addresses).toEqual([]);
    await host.links.ensure(OFFICE);
    expect(machine.link("awg-office")).toMatchObject({ addresses: OFFICE.addresses, mtuBytes: 1420, up: true });
    expect(machine.fired).toHaveLength(1);
  });

  test("a batch stops in the middle: the first routes stand, the others do not", async () => {
    const machine = laptop();
    const host = simulatedHost(machine);
    await host.links.ensure(OFFICE);
    const addRoutes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(officeRoute);
    machine.schedule([{ at: 3, fault: { kind: "fail", error: "host", times: 1 } }]);
    const change = { addRoutes, deleteRoutes: [], addRules: [], deleteRules: [] };
    await expect(host.routes.change(change)).rejects.toMatchObject({ kind: "host" });
    expect((await host.routes.readRoutes([TABLE])).map((route) => route.destination)).toEqual([
      "10.1.0.0/16",
      "10.2.0.0/16",
    ]);
    await host.routes.change(change);
    expect(await host.routes.readRoutes([TABLE])).toHaveLength(3);
  });

  test("an answer that is lost leaves the write done", async () => {
    const machine = laptop();
    machine.schedule([{ at: 1, fault: { kind: "fail-late", error: "host" } }]);
    await expect(simulatedHost(machine).firewall.load(killSwitch())).rejects.toMatchObject({ kind: "host" });
    expect(machine.live.firewall.policy).not.toBeNull();
  });

  test.each([
    ["crash-before", 0],
    ["crash-after", 1],
  ] as const)("after %s the process can do nothing until it is started again", async (kind, done) => {
    const machine = laptop();
    const host = simulatedHost(machine);
    machine.schedule([{ at: 1, fault: { kind } }]);
    await expect(host.links.ensure(OFFICE)).rejects.toBeInstanceOf(CrashError);
    expect(machine.live.links).toHaveLength(2 + done);
    await expect(host.links.read()).rejects.toBeInstanceOf(CrashError);
    await expect(host.firewall.load(null)).rejects.toBeInstanceOf(CrashError);
    machine.restart();
    await expect(host.links.read()).resolves.toHaveLength(2 + done);
  });

  test("another program acts between two writes, and a watch sees the state after each", async () => {
    const machine = laptop();
    const seen: string[] = [];
    machine.watch((name) => seen.push(`${name} ${machine.link("awg-office")?.mtuBytes}`));
    machine.schedule([
      { at: 3, fault: { kind: "foreign", act: { act: "set-mtu", device: "awg-office", mtuBytes: 9 } } },
    ]);
    await simulatedHost(machine).links.ensure(OFFICE);
    expect(seen).toEqual([
      "link.create 1500",
      "link.mtu 1420",
      "foreign set-mtu 9",
      "link.address.add 9",
      "link.address.add 9",
      "link.up 9",
    ]);
  });
});

describe("the machine as text and as data", () => {
  test("prints itself, one fact a line", async () => {
    expect((await protectedLaptop()).print().replaceAll(/^firewall .*$/gm, "firewall …")).toMatchInlineSnapshot(`
      "link awg-office tunnel tun up mtu 1420 alias "awg:office" 10.8.0.2/32 fd00:8::2/128
      link eth0 physical other up mtu 1500 192.168.1.20/24 2001:db8:1::20/64 fe80::20/64
      link lo loopback other up mtu 65536 127.0.0.1/8 ::1/128
      route table 1635188737 0.0.0.0/0 dev awg-office metric 0 proto 174
      route table 1635188737 unreachable 0.0.0.0/0 metric 4096 proto 174
      route table 1635188737 unreachable ::/0 metric 4096 proto 174
      route table 254 0.0.0.0/0 via 192.168.1.1 dev eth0 metric 100 proto 4
      route table 254 ::/0 via fe80::1 dev eth0 metric 100 proto 4
      rule ipv4 00000 lookup 255 proto 2
      rule ipv4 10100 fwmark 0x3f000000/0xff000000 lookup 254 proto 174
      rule ipv4 10110 fwmark 0x1000000/0xff000000 lookup 1635188737 proto 174
      rule ipv4 10200 lookup 1635188737 proto 174
      rule ipv4 32766 lookup 254 proto 2
      rule ipv4 32767 lookup 253 proto 2
      rule ipv6 00000 lookup 255 proto 2
      rule ipv6 32766 lookup 254 proto 2
      engine awg-office {"device":"awg-office","engine":"userspace","fwmark":1056964608,"listenPort":0,"obfuscation":{},"peers":[{"allowedIPs":["0.0.0.0/0"],"endpoint":"198.51.100.7:51820","persistentKeepaliveSeconds":25,"publicKey":"PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP"}],"privateKey":"abababababababababababababababababababababababababababababababab","protocol":"wireguard","running":true}
      firewall …
      sysctl net.ipv4.conf.all.arp_announce = 0
      sysctl net.ipv4.conf.all.arp_ignore = 0
      sysctl net.ipv4.conf.all.rp_filter = 0
      sysctl net.ipv4.conf.all.src_valid_mark = 0
      sysctl net.ipv4.conf.default.rp_filter = 2
      sysctl net.ipv4.conf.eth0.rp_filter = 2
      sysctl net.ipv4.fwmark_reflect = 0
      sysctl net.ipv4.ip_forward = 0
      sysctl net.ipv4.tcp_fwmark_accept = 0
      sysctl net.ipv6.conf.all.disable_ipv6 = 0
      resolver file "nameserver 192.168.1.1\\n"
      "
    `);
  });

  test("a snapshot is JSON and brings everything back", async () => {
    const machine = await protectedLaptop();
    const text = machine.print();
    const state = JSON.parse(JSON.stringify(machine.snapshot()));
    machine.act({ act: "remove-device", device: "awg-office" });
    expect(machine.print()).not.toBe(text);
    machine.restore(state);
    expect(machine.print()).toBe(text);
    expect(new SimulatedMachine(parseMachineFile(renderMachineFile(state))).print()).toBe(text);
  });

  test("a file may say only what differs, and nothing unknown", () => {
    expect(parseMachineFile('{"serviceUid": 7}')).toEqual({ ...laptopState(), serviceUid: 7 });
    expect(() => parseMachineFile("[]")).toThrow("must be one object");
    expect(() => parseMachineFile("{")).toThrow("not JSON");
    expect(() => parseMachineFile('{"link": []}')).toThrow('has an unknown part "link"');
    expect(() => parseMachineFile('{"links": {}}')).toThrow('wants "links" to be a list');
    expect(() => parseMachineFile('{"formatVersion": 2}')).toThrow("format");
  });
});
