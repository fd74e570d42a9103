import { expect, test } from "vitest";
import { answeredElsewhere } from "../../../../src/host/linux/nft/observe/answered-elsewhere.ts";
import { judgedOf } from "../../../../src/host/linux/nft/observe/devices-to-judge.ts";
import { judgedDevices } from "../../../../src/host/linux/nft/observe/physical-devices.ts";
import { uplinksOf } from "../../../../src/host/linux/nft/observe/uplinks.ts";
import { type IpAddress, parseIp } from "../../../../src/model/ip.ts";
import type { Link } from "../../../../src/native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../../src/native/linux/rtnetlink/route.codec.ts";
import { linkOf } from "../../../support/links.ts";

/** A machine with these links and routes. */
function machineOf(links: readonly Link[], routes: readonly Partial<Route>[] = []) {
  const whole = routes.map(
    (route): Route => ({
      family: 4,
      destination: "0.0.0.0/0",
      table: 254,
      type: "unicast",
      protocol: 4,
      priority: 0,
      ...route,
    }),
  );
  return {
    links: () => [...links],
    routes: ({ oif }: { oif?: number } = {}) =>
      whole.filter((route) => route.oif === oif || route.nextHops?.some((hop) => hop.oif === oif)),
  };
}

test("S6.8: an uplink is a device by which a default route leads, in whatever table; no tunnel, nor the port of a bridge", () => {
  const links = [
    linkOf(1, "lo", { loopback: true }),
    linkOf(2, "wlan0"),
    linkOf(3, "br0", { kind: "bridge" }),
    linkOf(4, "eth0", { masterIndex: 3 }),
    linkOf(5, "awg-office", { kind: "tun" }),
    linkOf(6, "lan0"),
    linkOf(7, "eth1"),
    linkOf(8, "eth2"),
  ];
  const routes = [
    { oif: 1 },
    { oif: 2, table: 100 },
    { oif: 3, destination: "::/0", family: 6 as const },
    { oif: 4 },
    { oif: 5, table: 101 },
    { oif: 6, destination: "10.0.0.0/8" },
    { oif: 6, type: "unreachable" as const },
    {
      nextHops: [
        { oif: 7, weight: 1 },
        { oif: 8, weight: 1 },
      ],
    },
  ];
  expect(uplinksOf(machineOf(links, routes), ["awg-office"])).toEqual(["br0", "eth1", "eth2", "wlan0"]);
});

test.each([
  ["lan0", { oif: 2 }, "wlan0"],
  ["lan0", { nextHops: [{ oif: 2, weight: 1 }] }, "wlan0"],
  ["lan0", undefined, "no device"],
  ["lan0", { oif: 3 }, undefined],
  ["lan0", { oif: 1, type: "local" as const }, undefined],
  ["wlan0", { oif: 3 }, undefined],
  ["service", { oif: 2 }, undefined],
  ["awg-office", { oif: 2 }, undefined],
])(
  "S6.8: who asks for an address of %s and has the way %j back is answered elsewhere: by %s",
  (device, way, reported) => {
    const links = [
      linkOf(2, "wlan0"),
      linkOf(3, "lan0"),
      linkOf(4, "service", { kind: "dummy" }),
      linkOf(5, "awg-office", { kind: "tun" }),
    ];
    const base = {
      family: 4,
      destination: "10.0.1.9/32",
      table: 254,
      type: "unicast",
      protocol: 4,
      priority: 0,
    } as const;
    const machine = {
      ...machineOf(links, [{ oif: 2 }]),
      link: (which: string | number) => links.find(({ name, index }) => name === which || index === which),
      decideRoute: () => (way === undefined ? { refused: "ENETUNREACH" } : { route: { ...base, ...way } }),
    };
    const ends = { client: parseIp("10.0.1.9") as IpAddress, server: parseIp("10.0.2.5") as IpAddress };
    expect(answeredElsewhere(machine, { ends, device }, ["awg-office"])).toBe(reported);
  },
);

test("S9.4: frames are judged on every device but loopback, tunnels, bridges and what leads to guests behind them", () => {
  const links = [
    linkOf(1, "lo", { loopback: true }),
    linkOf(2, "wlan0"),
    linkOf(3, "br0", { kind: "bridge" }),
    linkOf(4, "eth0", { masterIndex: 3 }),
    linkOf(5, "vnet0", { masterIndex: 3, kind: "tun" }),
    linkOf(6, "vethab", { masterIndex: 3, kind: "veth" }),
    linkOf(7, "uplink", { kind: "veth" }),
    linkOf(8, "awg-office", { kind: "tun" }),
    linkOf(9, "tun0", { kind: "tun" }),
    linkOf(10, "bond0", { kind: "bond" }),
    linkOf(11, "veth-bonded", { masterIndex: 10, kind: "veth" }),
    linkOf(12, "ifb0", { kind: "ifb" }),
  ];
  expect(judgedDevices(machineOf(links, [{ oif: 3, gateway: "192.0.2.1" }]), ["awg-office"])).toEqual({
    physical: ["bond0", "eth0", "tun0", "uplink", "veth-bonded", "wlan0"],
    guestBridges: [],
  });
});

test("S9.4: a switch's frames are judged at its ports, not where they have its tag", () => {
  const ports = ["lan1", "wan"].map((name, index) => linkOf(3 + index, name, { kind: "dsa", lowerIndex: 2 }));
  const { physical } = judgedDevices(machineOf([linkOf(2, "eth0"), ...ports, linkOf(5, "eth1")]), []);
  expect(physical).toEqual(["eth1", "lan1", "wan"]);
});

/** A container's: which of its bridge's ports is its uplink nothing tells. Beside it a bridge for guests alone. */
const BRIDGED = [
  linkOf(1, "lo", { loopback: true }),
  linkOf(2, "br0", { kind: "bridge" }),
  linkOf(3, "eth0", { masterIndex: 2, kind: "veth" }),
  linkOf(4, "guest0", { masterIndex: 2, kind: "veth" }),
  linkOf(5, "idle0", { masterIndex: 2, kind: "dummy" }),
  linkOf(6, "docker0", { kind: "bridge" }),
  linkOf(7, "vethab", { masterIndex: 6, kind: "veth" }),
  linkOf(8, "awg-office", { kind: "tun" }),
];
const MANAGEMENT = linkOf(9, "eth1", { kind: "veth" });
const VLAN = linkOf(10, "br0.5", { kind: "vlan", lowerIndex: 2 });
const CONNECTED = [{ oif: 6, destination: "172.17.0.0/16" }];

test.each<[string, readonly Link[], readonly Partial<Route>[], readonly string[], readonly string[]]>([
  ["by a gateway", [], [{ oif: 2, gateway: "192.0.2.1", destination: "10.0.0.0/8" }], [], ["docker0"]],
  ["by a default route without one", [], [{ oif: 2 }], [], ["docker0"]],
  ["by one of several next hops", [], [{ nextHops: [{ oif: 2, weight: 1 }] }], [], ["docker0"]],
  ["by a next hop object", [], [{ oif: 2, nextHopId: 7, destination: "10.0.0.0/8" }], [], ["docker0"]],
  ["beside another device", [MANAGEMENT], [{ oif: 2 }, { oif: 9 }], ["eth1"], ["docker0"]],
  ["through a VLAN on it", [VLAN], [{ oif: 10, gateway: "192.0.2.1" }], ["br0.5"], ["docker0"]],
])("S9.4: every port is judged of a bridge that a route leads out by, %s", (_name, more, routes, also, guests) => {
  expect(judgedDevices(machineOf([...BRIDGED, ...more], [...CONNECTED, ...routes]), ["awg-office"])).toEqual({
    physical: [...also, "eth0", "guest0", "idle0"].toSorted(),
    guestBridges: guests,
  });
});

test("S9.4: before any route leads out, the ports of all bridges are judged where no other device can be the uplink", () => {
  const early = judgedDevices(machineOf(BRIDGED, CONNECTED), ["awg-office"]);
  expect(early).toEqual({ physical: ["eth0", "guest0", "idle0", "vethab"], guestBridges: [] });
});

test.each([
  ["a veth", MANAGEMENT],
  ["hardware", linkOf(9, "eth1")],
  ["a modem", linkOf(9, "ppp0", { kind: "ppp", hardwareType: 512 })],
  ["a rootless container's TAP", linkOf(9, "tap0", { kind: "tun" })],
])(
  "S9.4: bridges that no route leads out by are the guests' where %s can be the uplink, which is told",
  (_name, other) => {
    const beside = judgedDevices(machineOf([...BRIDGED, other], [...CONNECTED, { oif: 9 }]), ["awg-office"]);
    expect(beside).toEqual({ physical: [other.name, "idle0"].toSorted(), guestBridges: ["br0", "docker0"] });
  },
);

test("S9.4: a tunnel of another program is no uplink", () => {
  const other = linkOf(9, "wt0", { kind: "tun", hardwareType: 65_534 });
  expect(judgedDevices(machineOf([...BRIDGED, other]), ["awg-office"])).toMatchObject({ guestBridges: [] });
});

test("S9.4: a gateway behind a bridge is a guest that routes where the default route leads out elsewhere", () => {
  const theirs = { oif: 6, gateway: "172.17.0.12", destination: "10.99.0.0/24" };
  const links = [MANAGEMENT, ...BRIDGED.slice(5)];
  const judged = (routes: readonly Partial<Route>[]) => judgedDevices(machineOf(links, routes), ["awg-office"]);
  expect(judged([{ oif: 9 }, theirs])).toEqual({ physical: ["eth1"], guestBridges: ["docker0"] });
  expect(judged([theirs]).guestBridges).toEqual([]);
});

test.each([
  ["nothing special", []],
  ["ifb", [linkOf(2, "ifb0", { kind: "ifb" })]],
  ["a switch without a bridge", [linkOf(2, "conduit"), linkOf(3, "port1", { kind: "dsa", lowerIndex: 2 })]],
  ["a bridge", BRIDGED],
])("S9.4: what is told apart only where it must be is the same with %s", async (_name, links) => {
  const machine = machineOf([linkOf(1, "lo", { loopback: true }), linkOf(20, "eth9"), ...links]);
  expect(await judgedOf(machine, ["awg-office"])).toEqual(judgedDevices(machine, ["awg-office"]));
});
