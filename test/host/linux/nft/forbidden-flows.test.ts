import { describe, expect, test } from "vitest";
import { acceptedFlows } from "../../../../src/host/linux/nft/load/accepted-flows.ts";
import {
  forbiddenFlows,
  isUnanswerable,
  localAddresses,
  misaddressedFlows,
} from "../../../../src/host/linux/nft/load/forbidden-flows.ts";
import { blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import type { Flow, FlowTuple } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../../../model/firewall/policies.ts";

const LOCAL = localAddresses([
  "198.51.100.2/24",
  "192.168.1.2/24",
  "10.8.0.2/32",
  "10.9.0.2/32",
  "2001:db8:9::2/64",
  "127.0.0.1/8",
]);

function flowOf(original: Partial<FlowTuple>, translated?: string): Flow {
  const tuple = {
    source: "198.51.100.2",
    destination: "8.8.8.8",
    protocol: 17,
    sourcePort: 4000,
    destinationPort: 443,
  };
  const full = { ...tuple, ...original };
  const reply: FlowTuple = { ...full, source: full.destination, destination: translated ?? full.source };
  const family = full.source.includes(":") ? 6 : 4;
  return { family, original: full, reply, status: 0, mark: 0, zone: 0, id: 1 };
}

const isCut = (policy: typeof LAPTOP, flow: Flow) => forbiddenFlows(policy, [flow], LOCAL).length === 1;

describe("open flows that the policy forbids (S11.1)", () => {
  test.each<[string, boolean, Flow]>([
    ["from the physical address, now for the tunnel", true, flowOf({})],
    ["from the tunnel's address", false, flowOf({ source: "10.8.0.2" })],
    ["translated to the tunnel's address", false, flowOf({}, "10.8.0.2")],
    ["from the wrong tunnel's address", true, flowOf({ source: "10.9.0.2" })],
    ["by a rule for the other tunnel", false, flowOf({ source: "10.9.0.2", destinationPort: 27_001 })],
    ["to the local network", false, flowOf({ destination: "192.168.1.9" })],
    ["to the endpoint, perhaps our own", false, flowOf({ destination: "192.0.2.1", destinationPort: 51_820 })],
    ["plaintext to the endpoint", true, flowOf({ destination: "192.0.2.1", destinationPort: 80 })],
    ["DNS to another server", true, flowOf({ destinationPort: 53, source: "10.8.0.2" })],
    ["within the machine", false, flowOf({ source: "127.0.0.1", destination: "127.0.0.1", destinationPort: 53 })],
    ["from outside to what is allowed in", false, incoming({ protocol: 6, destinationPort: 22 })],
    ["from outside to what is not", true, incoming({ protocol: 6, destinationPort: 80 })],
    ["from the local network", false, incoming({ source: "192.168.1.9", destinationPort: 80 })],
    [
      "from a neighbour to all of the local network",
      false,
      incoming({ source: "192.168.1.9", destination: "192.168.1.255" }),
    ],
    ["from outside to all of a network", true, incoming({ destination: "198.51.100.255" })],
    [
      "to all of another network",
      true,
      incoming({ source: "172.17.0.2", destination: "172.17.0.255", destinationPort: 53 }),
    ],
    ["from here to all of a network that is not the local one", true, flowOf({ destination: "198.51.100.255" })],
    ["of a guest", false, flowOf({ source: "172.17.0.2" })],
    [
      "of a guest to 240/4, where routes lead as elsewhere",
      false,
      flowOf({ source: "203.0.113.50", destination: "240.0.0.7" }),
    ],
    ["of a guest, DNS", true, flowOf({ source: "172.17.0.2", destinationPort: 53 })],
    ["ping", true, flowOf({ protocol: 1, icmp: { id: 1, type: 8, code: 0 } })],
  ])("%s: cut is %s", (_name, cut, flow) => {
    expect(isCut(LAPTOP, flow)).toBe(cut);
  });

  test("a user who may is enough", () => {
    const rule = { origin: "rules/0 (x)", match: { uids: [{ from: 1500, to: 1599 }] }, path: DIRECT };
    expect(isCut(policyOf({ flows: { rules: [rule], default: OFFICE } }), flowOf({}))).toBe(false);
  });

  test("a tunnel's address is this host's before the tunnel has it: a first policy is loaded before any device is made", () => {
    const { own, broadcasts } = LOCAL;
    const before = { own: new Set([...own].filter((address) => !address.startsWith("10."))), broadcasts };
    const cut = (flow: Flow) => forbiddenFlows(LAPTOP, [flow], before).length === 1;
    expect(cut(flowOf({ source: "10.8.0.2", destination: "239.255.255.250", destinationPort: 1900 }))).toBe(true);
    expect(cut(flowOf({ source: "10.8.0.2" }))).toBe(false);
    expect(cut(flowOf({ source: "10.8.0.9", destination: "10.8.0.2" }))).toBe(false);
  });

  test("everything that leaves, when blocked", () => {
    expect(isCut(blockedPolicy(), flowOf({}))).toBe(true);
    expect(isCut(blockedPolicy(), incoming({ protocol: 6, destinationPort: 22 }))).toBe(true);
  });
});

describe("of those, flows that stay in a tunnel with another device's address", () => {
  test.each<[string, boolean, Flow]>([
    ["one that nobody answered", true, flowOf({})],
    ["one that was answered", true, { ...flowOf({}), status: 2 }],
    ["what is not the tunnel itself, to its endpoint", true, flowOf({ destination: "192.0.2.1", destinationPort: 80 })],
    ["DNS to another server", false, flowOf({ destinationPort: 53, source: "10.8.0.2" })],
    ["what comes from outside", false, incoming({ protocol: 6, destinationPort: 80 })],
  ])("%s: %s", (_name, stays, flow) => {
    expect(isCut(LAPTOP, flow)).toBe(true);
    expect(misaddressedFlows(LAPTOP, [flow], LOCAL)).toEqual(stays ? [flow] : []);
  });
});

test.each<[string, boolean, Flow]>([
  ["a neighbour's to a group", true, incoming({ destination: "224.0.0.251", destinationPort: 5353 })],
  ["a neighbour's to a group of IPv6", true, incoming({ source: "fe80::9", destination: "ff02::fb" })],
  ["a neighbour's to all of a network", true, incoming({ destination: "198.51.100.255" })],
  ["a neighbour's to all", true, incoming({ destination: "255.255.255.255" })],
  [
    "a guest's to 240/4, where routes lead as elsewhere",
    false,
    flowOf({ source: "172.17.0.2", destination: "240.0.0.7" }),
  ],
  ["a guest's just before 255.255.255.255", false, flowOf({ source: "172.17.0.2", destination: "255.255.255.254" })],
  ["this machine's to a group", false, flowOf({ destination: "224.0.0.251", destinationPort: 5353 })],
  ["a neighbour's to this machine", false, incoming({})],
  ["a guest's to a host", false, flowOf({ source: "172.17.0.2" })],
])("nobody can answer %s: %s", (_name, isSo, flow) => {
  expect(isUnanswerable(flow, LOCAL)).toBe(isSo);
});

describe("connections that others opened (S11.2)", () => {
  const at = (local: string, port: number, remote: string, remotePort: number) => ({
    family: 4 as const,
    local: { address: local, port },
    remote: { address: remote, port: remotePort },
    uid: 0,
    inode: 1,
  });
  const SSH = { direction: "in", protocol: 6, ports: [{ from: 22, to: 22 }], prefixes: ["203.0.113.0/24"] } as const;
  const policy = policyOf({ allow: [SSH] });
  const listening = [at("0.0.0.0", 22, "0.0.0.0", 0), at("127.0.0.1", 23, "0.0.0.0", 0), at("::", 80, "::", 0)];

  test.each([
    ["at the exception's port, from its prefix", true, at("198.51.100.2", 22, "203.0.113.77", 40_000)],
    ["from elsewhere", false, at("198.51.100.2", 22, "192.0.2.77", 40_000)],
    ["at a port that is no exception", false, at("198.51.100.2", 80, "203.0.113.77", 40_000)],
    ["to a service, from the exception's port", false, at("198.51.100.2", 22, "203.0.113.77", 443)],
    ["at an address where nobody listens", false, at("198.51.100.2", 23, "203.0.113.77", 40_000)],
    ["of this machine with itself", false, at("198.51.100.2", 22, "192.168.1.2", 40_000)],
    ["in a foreign name", false, at("203.0.113.1", 22, "203.0.113.77", 40_000)],
  ])("%s: %s", (_name, isKnown, connection) => {
    const { local, remote } = connection;
    expect(acceptedFlows(policy, { listening, connected: [connection] }, LOCAL)).toEqual(
      isKnown
        ? [
            {
              source: remote.address,
              destination: local.address,
              protocol: 6,
              sourcePort: remote.port,
              destinationPort: local.port,
            },
          ]
        : [],
    );
  });

  test("none while everything is blocked", () => {
    const connected = [at("198.51.100.2", 22, "203.0.113.77", 40_000)];
    expect(acceptedFlows(blockedPolicy(), { listening, connected }, LOCAL)).toEqual([]);
  });
});

function incoming(original: Partial<FlowTuple>): Flow {
  return flowOf({ source: "203.0.113.77", destination: "198.51.100.2", ...original });
}
