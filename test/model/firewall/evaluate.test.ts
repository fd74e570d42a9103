import { describe, expect, test } from "vitest";
import { judge, markAfterSteering, steer } from "../../../src/model/firewall/evaluate.ts";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import type { FirewallPolicy, FlowMatch } from "../../../src/model/firewall/policy.ts";
import { type IpAddress, parseIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, markOfClass, markOfPath, ORPHANED, UNCLASSIFIED } from "../../../src/model/ownership.ts";
import { BLOCK, DIRECT, LAPTOP, layerOf, OFFICE, OFFICE_TUNNEL, PROXY, policyOf, SERVICE_UID } from "./policies.ts";

interface Written extends Partial<Omit<Packet, "source" | "destination">> {
  readonly source?: string;
  readonly destination?: string;
}

const HOME = { 4: "198.51.100.2", 6: "2001:db8:9::2" };
const address = (text: string) => parseIp(text) as IpAddress;

/** A UDP packet of user 1000 to port 443, leaving by eth0, changed as told. */
function packetOf({ source, destination = "8.8.8.8", ...rest }: Written): Packet {
  const to = address(destination);
  const body = { protocol: 17, sourcePort: 40_000, destinationPort: 443, outDevice: "eth0", uid: 1000, ...rest };
  return { hook: "output", ...body, source: address(source ?? HOME[to.family]), destination: to };
}

function incoming({ source = "8.8.8.8", destination, ...rest }: Written): Packet {
  const from = address(source);
  const body = { protocol: 17, sourcePort: 443, destinationPort: 40_000, inDevice: "eth0", ...rest };
  return { hook: "input", ...body, source: from, destination: address(destination ?? HOME[from.family]) };
}

const through = (inDevice: string, outDevice: string, rest: Written): Packet => {
  const { uid: _nobody, ...packet } = packetOf({ source: "172.17.0.5", outDevice, ...rest });
  return { ...packet, hook: "forward", inDevice };
};

const found = (policy: FirewallPolicy, packet: Packet) => {
  const { verdict, reason } = judge(policy, packet);
  return `${verdict} ${reason.split(" ", 1).join("")}`;
};

const ours = { uid: SERVICE_UID, mark: ENGINE_MARK };
const endpoint = { destination: "192.0.2.1", destinationPort: 51_820 };
const ndp = { protocol: 58, hopLimit: 255 };
const insider = { inDevice: "awg-office", source: "fe80::1", destination: "fd00:8::2" };

describe("the evaluator", () => {
  test.each<[string, Packet]>([
    ["accept S2.1", packetOf({ outDevice: "lo" })],
    ["accept S2.1", incoming({ inDevice: "lo" })],
    ["drop S2.2", packetOf({ source: "10.8.0.2", destination: "192.168.1.1" })],
    ["drop S2.2", packetOf({ source: "10.8.0.2", ...endpoint, ...ours })],
    ["drop S2.2", packetOf({ source: "fd00:8::2", destination: "fe80::1", ...ndp, icmpType: 136 })],
    ["drop S2.3", incoming({ source: "192.168.1.1", destination: "10.8.0.2" })],
    ["drop S2.3", incoming({ source: "10.8.0.2" })],
    ["accept S2.1", incoming({ source: "10.8.0.2", destination: "10.8.0.2", inDevice: "lo" })],
    ["accept S2.4", packetOf({ destination: "255.255.255.255", sourcePort: 68, destinationPort: 67, uid: 0 })],
    ["drop S5.4", packetOf({ sourcePort: 67, destinationPort: 68 })],
    ["accept S2.4", incoming({ source: "203.0.113.200", sourcePort: 67, destinationPort: 68 })],
    ["accept S2.5", packetOf({ source: "fe80::9", destination: "ff02::1:2", sourcePort: 546, destinationPort: 547 })],
    ["drop S5.4", packetOf({ destination: "2606::1", sourcePort: 546, destinationPort: 547 })],
    ["accept S2.6", packetOf({ source: "fe80::9", destination: "ff02::2", ...ndp, icmpType: 133 })],
    ["drop S5.4", packetOf({ destination: "2606::1", ...ndp, icmpType: 135 })],
    ["accept S2.6", incoming({ source: "fe80::1", destination: "ff02::1", ...ndp, icmpType: 134 })],
    ["drop S6.4", incoming({ source: "2606::1", destination: "fe80::9", ...ndp, icmpType: 134 })],
    ["drop S6.4", incoming({ source: "2606::1", ...ndp, hopLimit: 64, icmpType: 135 })],
    ["accept S3.1", packetOf({ ...endpoint, ...ours })],
    ["drop S5.4", packetOf({ ...endpoint, uid: SERVICE_UID })],
    ["drop S5.4", packetOf({ ...endpoint, mark: ENGINE_MARK })],
    ["drop S5.4", packetOf({ ...endpoint, ...ours, destinationPort: 51_819 })],
    ["drop S5.4", packetOf({ ...endpoint, ...ours, protocol: 6 })],
    ["accept S3.1", incoming({ source: "192.0.2.1", sourcePort: 51_820 })],
    ["accept S3.2", packetOf({ sourcePort: 51_821, ...ours })],
    ["accept S3.2", incoming({ destinationPort: 51_821 })],
    ["accept S3.3", packetOf({ destination: "192.0.2.53", destinationPort: 53, uid: SERVICE_UID })],
    ["drop S4.3", packetOf({ destination: "192.0.2.53", destinationPort: 53 })],
    ["accept S3.4", incoming({ protocol: 6, destinationPort: 22 })],
    ["accept S3.4", packetOf({ protocol: 6, sourcePort: 22, reply: true })],
    ["drop S5.4", packetOf({ protocol: 6, sourcePort: 22 })],
    ["accept S5.1", packetOf({ outDevice: "awg-office", destination: "10.8.0.1", destinationPort: 53 })],
    ["drop S4.3", packetOf({ outDevice: "awg-office", destinationPort: 53 })],
    ["drop S4.3", packetOf({ destination: "192.168.1.1", destinationPort: 53 })],
    ["drop S4.3", packetOf({ destination: "192.168.1.1", destinationPort: 853, protocol: 6 })],
    ["drop S4.4", packetOf({ outDevice: "awg-office", uid: 1500 })],
    ["accept S5.3", packetOf({ destination: "198.51.100.9", protocol: 6, destinationPort: 8500 })],
    ["drop S5.1", packetOf({ outDevice: "awg-office", destination: "198.51.100.9", protocol: 6, destinationPort: 80 })],
    ["drop S5.4", packetOf({ destination: "198.51.100.9", protocol: 6, destinationPort: 81 })],
    ["accept S5.1", packetOf({ outDevice: "awg-proxy", destinationPort: 27_050 })],
    ["drop S5.4", packetOf({ outDevice: "awg-proxy", destination: "2606::1", destinationPort: 27_050 })],
    ["accept S5.3", packetOf({ destination: "192.0.2.123", destinationPort: 123 })],
    ["accept S5.3", packetOf({ destination: "192.168.1.1" })],
    ["accept S5.3", packetOf({ destination: "224.0.0.251", destinationPort: 5353 })],
    ["drop S5.4", packetOf({})],
    ["drop S5.4", packetOf({ destination: "2606::1" })],
    ["drop S5.4", packetOf({ reply: true })],
    ["accept S5.1", packetOf({ outDevice: "awg-office" })],
    ["accept S5.2", packetOf({ outDevice: "awg-proxy", source: "10.9.0.2", reply: true })],
    ["drop S5.4", packetOf({ outDevice: "awg-proxy", source: "10.9.0.2" })],
    ["accept S6.1", incoming({ inDevice: "awg-office", destination: "10.8.0.2" })],
    ["drop S6.1", incoming({ inDevice: "awg-office", destination: "192.168.1.2" })],
    ["accept S6.2", incoming({ reply: true })],
    ["accept S6.3", incoming({ source: "192.168.1.1", destinationPort: 8080 })],
    ["drop S6.4", incoming({ destinationPort: 8080 })],
    ["drop S5.5", packetOf({ destination: "192.168.1.1", protocol: 1, icmpType: 11, icmpCode: 1 })],
    ["accept S5.3", packetOf({ destination: "192.168.1.1", protocol: 1, icmpType: 11, icmpCode: 0 })],
    ["drop S5.5", packetOf({ destination: "fd00:1::1", protocol: 58, icmpType: 3, icmpCode: 1 })],
    ["accept S5.1", packetOf({ outDevice: "awg-office", protocol: 1, icmpType: 11, icmpCode: 1 })],
    ["drop S5.5", through("awg-office", "docker0", { protocol: 1, icmpType: 11, icmpCode: 1, reply: true })],
    ["drop S6.8", incoming({ destinationPort: 22, forged: true })],
    ["accept S6.2", incoming({ forged: true, reply: true })],
    ["accept S6.5", incoming({ protocol: 1, icmpType: 3, forged: true, related: true })],
    ["drop S6.8", incoming({ protocol: 1, icmpType: 8, forged: true, related: true })],
    ["drop S6.7", incoming({ source: "192.168.1.1", protocol: 1, icmpType: 5 })],
    ["drop S6.7", incoming({ source: "192.168.1.1", protocol: 1, icmpType: 5, reply: true })],
    ["drop S6.7", incoming({ source: "fe80::1", ...ndp, icmpType: 137, reply: true })],
    ["drop S6.7", incoming({ inDevice: "awg-office", destination: "10.8.0.2", protocol: 1, icmpType: 5 })],
    ["accept S6.1", incoming({ inDevice: "awg-office", destination: "10.8.0.2", protocol: 1, icmpType: 3 })],
    ["drop S6.7", incoming({ ...insider, ...ndp, icmpType: 134 })],
    ["accept S6.1", incoming({ ...insider, ...ndp, icmpType: 136 })],
    ["accept S5.1", through("docker0", "awg-office", {})],
    ["drop S7.3", through("docker0", "eth0", {})],
    ["drop S7.4", through("docker0", "awg-office", { forged: true })],
    ["drop S2.3", through("eth0", "awg-office", { source: "10.8.0.2" })],
    ["drop S2.3", through("docker0", "awg-office", { source: "fd00:8::2", destination: "2606::1" })],
    ["drop S7.3", through("docker0", "eth0", { destination: "192.168.1.1" })],
    ["drop S2.2", through("docker0", "eth0", { source: "10.8.0.2" })],
    ["accept S7.2", through("awg-office", "docker0", { reply: true })],
    ["drop S7.2", through("awg-office", "docker0", {})],
    ["drop S7.2", through("awg-office", "awg-proxy", { reply: true })],
  ])("%s (%#)", (expected, packet) => {
    expect(found(LAPTOP, packet)).toBe(expected);
  });
});

describe("the kill switch, path by path", () => {
  const policy = (path: typeof OFFICE, killSwitch = true) =>
    policyOf({ killSwitch, flows: { rules: [], default: path } });

  test.each<[string, FirewallPolicy, string, string]>([
    ["via a tunnel, by it", policy(OFFICE), "awg-office", "accept S5.1"],
    ["via a tunnel, past it", policy(OFFICE), "eth0", "drop S5.4"],
    ["direct", policy(DIRECT), "eth0", "accept S5.3"],
    ["blocked", policy(BLOCK), "eth0", "drop S4.7"],
    ["blocked, by the tunnel", policy(BLOCK), "awg-office", "drop S4.7"],
    ["via a tunnel of nobody", policy(PROXY), "awg-proxy", "drop S5.4"],
    ["via a tunnel, past it, switch off", policy(OFFICE, false), "eth0", "accept S8.1"],
    ["blocked, switch off", policy(BLOCK, false), "eth0", "drop S4.7"],
  ])("%s", (_name, one, outDevice, expected) => {
    expect(found(one, packetOf({ outDevice }))).toBe(expected);
  });

  test("S8: without it DNS is still protected and a tunnel's address still kept off physical links", () => {
    const dns = { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: false };
    const open = policyOf({ killSwitch: false, flows: { rules: [], default: DIRECT }, dns });
    expect(found(open, packetOf({ destinationPort: 53 }))).toBe("drop S4.3");
    expect(found(open, packetOf({ destination: "10.8.0.1", destinationPort: 53 }))).toBe("drop S5.4");
    expect(found(open, packetOf({ outDevice: "awg-office", destination: "10.8.0.1", destinationPort: 53 }))).toBe(
      "accept S5.1",
    );
    expect(found(open, packetOf({ source: "10.8.0.2" }))).toBe("drop S2.2");
    expect(found(open, incoming({}))).toBe("accept S8.2");
  });

  test("S8.3: without it our own sockets still reach what their tunnels need, whatever blocks the flows", () => {
    const dns = { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: true };
    const rules = [{ origin: "rules/0 (x)", match: { destinations: ["192.0.2.0/24"] }, path: BLOCK }];
    const grants = { listens: [{ port: 51_821 }], bootstrapDns: ["192.0.2.53"], dns };
    const byDefault = policyOf({ killSwitch: false, flows: { rules: [], default: BLOCK }, ...grants });
    const byRule = policyOf({ killSwitch: false, flows: { rules, default: DIRECT }, ...grants });
    const bootstrap = { destination: "192.0.2.53", destinationPort: 53 };
    for (const one of [byDefault, byRule]) {
      expect(found(one, packetOf({ ...endpoint, ...ours }))).toBe("accept S3.1");
      expect(found(one, packetOf({ ...bootstrap, uid: SERVICE_UID }))).toBe("accept S3.3");
      expect(found(one, packetOf({ ...endpoint, uid: SERVICE_UID }))).toMatch(/^drop S4\.[47]$/);
      expect(found(one, packetOf({ ...endpoint, mark: ENGINE_MARK }))).toMatch(/^drop S4\.[47]$/);
      expect(found(one, packetOf({ ...endpoint, ...ours, outDevice: "awg-office" }))).toMatch(/^drop S4\.[47]$/);
      expect(found(one, packetOf(bootstrap))).toBe("drop S4.3");
      expect(found(one, packetOf({ ...endpoint, ...ours, source: "10.8.0.2" }))).toBe("drop S2.2");
    }
    expect(found(byDefault, packetOf({ sourcePort: 51_821, ...ours }))).toBe("accept S3.2");
    expect(found(byDefault, through("docker0", "eth0", endpoint))).toBe("drop S4.7");
  });

  test("S7.3: guests go directly where everything does", () => {
    expect(found(policy(DIRECT), through("docker0", "eth0", {}))).toBe("accept S5.3");
  });

  test("S1.2: every layer must accept", () => {
    const layers = [layerOf({ flows: { rules: [], default: DIRECT } }), layerOf({})];
    const both = { steering: { rules: [], default: DIRECT }, layers };
    expect(found(both, packetOf({}))).toBe("drop S5.4");
    expect(found({ ...both, layers: layers.slice(0, 1) }, packetOf({}))).toBe("accept S5.3");
  });
});

describe("packets without a class (S4.13)", () => {
  const rule = (origin: string, match: FlowMatch) => ({ origin, match, path: BLOCK });
  const steady = policyOf({
    flows: {
      rules: [
        rule("rules/0 (lost)", { classes: { in: [ORPHANED] } }),
        rule("rules/0 (class)", { classes: { in: [7] } }),
        rule("rules/0 (user)", { uids: [{ from: 1500, to: 1599 }], classes: { in: [UNCLASSIFIED] } }),
      ],
      default: DIRECT,
    },
  });
  const without = ({ uid: _gone, ...packet }: Packet): Packet => packet;

  test.each<[string, Packet, string]>([
    ["a socket with a class has no other user", packetOf({ uid: 1500, mark: markOfClass(8) }), "accept S5.3"],
    ["its class decides, also when its program has ended", without(packetOf({ mark: markOfClass(7) })), "drop S4.4"],
    ["one without is judged by its user", packetOf({ uid: 1500 }), "drop S4.4"],
    ["and so is another user's", packetOf({ uid: 1000 }), "accept S5.3"],
    ["TCP without a socket may be anybody's", without(packetOf({ protocol: 6 })), "drop S4.4"],
    ["UDP without a socket is the kernel's", without(packetOf({ protocol: 17 })), "accept S5.3"],
    ["loopback is not judged", without(packetOf({ protocol: 6, outDevice: "lo" })), "accept S2.1"],
  ])("%s", (_name, packet, wanted) => {
    expect(found(steady, packet)).toBe(wanted);
  });
});

describe("steering (S4)", () => {
  test.each<[string, Packet, object]>([
    ["by the default", packetOf({}), OFFICE],
    ["by a rule", packetOf({ destinationPort: 27_001 }), PROXY],
    ["DNS before rules", packetOf({ destination: "10.8.0.1", destinationPort: 53, uid: 1500 }), OFFICE],
    ["other DNS", packetOf({ destinationPort: 53 }), BLOCK],
    ["LAN after rules", packetOf({ destination: "192.168.1.1" }), DIRECT],
    ["a rule for the LAN", packetOf({ destination: "192.168.1.1", destinationPort: 27_001 }), PROXY],
    ["answers directly", packetOf({ reply: true, sourcePort: 22, protocol: 6 }), DIRECT],
    ["answers through the tunnel", packetOf({ reply: true, source: "10.9.0.2" }), PROXY],
    ["bootstrap", packetOf({ destination: "192.0.2.53", destinationPort: 53, uid: SERVICE_UID }), DIRECT],
    ["our engines", packetOf({ ...ours }), DIRECT],
  ])("%s", (_name, packet, path) => {
    expect(steer(LAPTOP, packet)).toMatchObject(path);
  });

  test.each<[string, Packet, number]>([
    ["a tunnel", packetOf({}), markOfPath(1)],
    ["foreign bits stay", packetOf({ mark: 0xc080_0051 }), (0x0080_0051 | markOfPath(1)) >>> 0],
    ["a mark that a process made itself", packetOf({ mark: ENGINE_MARK }), markOfPath(1)],
    ["our engines", packetOf({ ...ours, mark: ENGINE_MARK | 1 }), ENGINE_MARK | 1],
    ["direct", packetOf({ destination: "192.168.1.1" }), markOfPath(61)],
    ["block", packetOf({ uid: 1500 }), markOfPath(62)],
    ["loopback", packetOf({ outDevice: "lo", mark: 7 }), 7],
    ["multicast", packetOf({ destination: "224.0.0.251", mark: 7 }), 7],
    ["NDP", packetOf({ source: "fe80::9", destination: "fe80::1", ...ndp, icmpType: 136, mark: markOfPath(3) | 1 }), 1],
  ])("marks %s", (_name, packet, mark) => {
    expect(markAfterSteering(LAPTOP, packet)).toBe(mark);
  });

  test("a later fragment has no ports, so rules by port pass it by", () => {
    const { destinationPort: _none, sourcePort: _nor, ...fragment } = packetOf({ destination: "8.8.4.4" });
    expect(steer(LAPTOP, { ...fragment, laterFragment: true })).toEqual(OFFICE);
  });

  test("a family that the tunnel does not carry has no path", () => {
    const tunnels = [{ ...OFFICE_TUNNEL, families: [4 as const] }];
    const policy = policyOf({ tunnels });
    expect(found(policy, packetOf({ destination: "2606::1", outDevice: "awg-office" }))).toBe("drop S5.4");
    expect(found(policy, packetOf({ destination: "2606::1" }))).toBe("drop S5.4");
  });
});
