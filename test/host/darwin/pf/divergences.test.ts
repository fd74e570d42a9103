import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PF_ANCHOR, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { readAddress } from "../../../../src/model/firewall/address-set.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { withFallback } from "../../../../src/model/firewall/fallback.ts";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK, PATH_NUMBERS } from "../../../../src/model/ownership.ts";
import { firewallEnforcement } from "../../../../src/resources/firewall/firewall.ts";
import { DarwinWorld } from "../../../contract/darwin-world.ts";
import { BLOCK, DIRECT, LAPTOP, OFFICE, policyOf, SERVICE_UID } from "../../../model/firewall/policies.ts";
import { expandText, KEY_A } from "../../../resources/sample.ts";
import { verdictOf } from "./differential.ts";
import { judgePf } from "./judge-pf.ts";
import { parsePf } from "./parse-pf.ts";

const ALICE = [{ from: 501, to: 501 }];
const byUser = (path: typeof DIRECT | typeof OFFICE): FirewallPolicy =>
  policyOf({ flows: { rules: [{ origin: "rules/0", match: { uids: ALICE }, path }], default: OFFICE } });
const byUserElseDirect = policyOf({
  flows: { rules: [{ origin: "rules/0", match: { uids: ALICE }, path: BLOCK }], default: DIRECT },
});
const byPort = policyOf({
  flows: { rules: [{ origin: "rules/0", match: { ports: [{ from: 443, to: 443 }] }, path: DIRECT }], default: OFFICE },
});
const byHighUser = policyOf({
  flows: {
    rules: [{ origin: "rules/0", match: { uids: [{ from: 3_000_000_000, to: 3_000_000_000 }] }, path: DIRECT }],
    default: OFFICE,
  },
});

/** The laptop in a network that is not to be trusted. */
const AWAY = policyOf({ ...LAPTOP.layers[0], allowLan: false });

/** The user that asks for everybody's names on a Mac. */
const MDNS_RESPONDER = 65;

/** A packet of this machine to the outside by its physical link. */
function leaving(changes: Partial<Packet>): Packet {
  return {
    hook: "output",
    outDevice: "eth0",
    source: readAddress("192.0.2.9"),
    destination: readAddress("203.0.113.200"),
    protocol: 17,
    sourcePort: 40_000,
    destinationPort: 443,
    ...changes,
  };
}

function pfVerdict(policy: FirewallPolicy, packet: Packet): "accept" | "drop" {
  const { hook, outDevice = "", inDevice = "", laterFragment = false, ...rest } = packet;
  const place = {
    direction: hook === "output" ? "out" : "in",
    device: hook === "output" ? outDevice : inDevice,
  } as const;
  const seen = { ...rest, ...place, isLaterFragment: laterFragment, isOpening: false };
  return judgePf(parsePf(renderPf(policy).text), PF_ANCHOR, seen).verdict === "pass" ? "accept" : "drop";
}

const endpoint = { destination: readAddress("192.0.2.1"), destinationPort: 51_820, uid: SERVICE_UID };
const neighbour = {
  protocol: 58,
  icmpType: 135,
  hopLimit: 64,
  source: readAddress("fe80::9"),
  destination: readAddress("fe80::1"),
};
/** By a tunnel that would carry it. */
const canary = { outDevice: "awg-office", destination: readAddress("192.0.2.251"), destinationPort: 9 };
const ping6 = {
  protocol: 58,
  icmpType: 128,
  source: readAddress("2001:db8::9"),
  destination: readAddress("2001:db8::5"),
};
const question = { destination: readAddress("198.51.100.53"), destinationPort: 53 };
const ALL_ROUTERS = { destination: readAddress("ff02::2") };
/** What a router tells of a datagram to the endpoint; its rules keep no state. */
const tooBig: Packet = {
  hook: "input",
  inDevice: "eth0",
  source: readAddress("198.51.100.1"),
  destination: readAddress("192.0.2.9"),
  protocol: 1,
  icmpType: 3,
  related: true,
};
const fragment = { laterFragment: true, uid: 501, protocol: 17 };

const CASES: readonly (readonly [string, FirewallPolicy, Packet, "accept" | "drop", "accept" | "drop"])[] = [
  ["S13.1 our user without our mark reaches an endpoint", LAPTOP, leaving(endpoint), "drop", "accept"],
  ["S13.1 with the mark both agree", LAPTOP, leaving({ ...endpoint, mark: ENGINE_MARK }), "accept", "accept"],
  ["S13.3 a user's ping has no owner", byUser(DIRECT), leaving({ protocol: 1, uid: 501 }), "accept", "drop"],
  ["S13.3 a user's UDP has one", byUser(DIRECT), leaving({ uid: 501 }), "accept", "accept"],
  ["S13.4 a user's later fragment is anybody's", byUser(DIRECT), leaving(fragment), "accept", "drop"],
  ["S13.5 SCTP has no ports", byPort, leaving({ protocol: 132 }), "accept", "drop"],
  [
    "S13.3 a user's ping goes on to the next rule",
    byUserElseDirect,
    leaving({ protocol: 1, uid: 501 }),
    "drop",
    "accept",
  ],
  ["S13.3 and so does a user's ping by IPv6", byUserElseDirect, leaving({ ...ping6, uid: 501 }), "drop", "accept"],
  ["S13.3 a user's TCP does not", byUserElseDirect, leaving({ protocol: 6, uid: 501 }), "drop", "drop"],
  [
    "S13.6 a neighbour solicitation, no hop limit asked",
    AWAY,
    leaving({ ...neighbour, icmpType: 135 }),
    "drop",
    "accept",
  ],
  ["S13.6 a neighbour advertisement", AWAY, leaving({ ...neighbour, icmpType: 136 }), "drop", "accept"],
  ["S13.6 a router solicitation", AWAY, leaving({ ...neighbour, ...ALL_ROUTERS, icmpType: 133 }), "drop", "accept"],
  ["S13.6 with the hop limit both agree", AWAY, leaving({ ...neighbour, hopLimit: 255 }), "accept", "accept"],
  ["S13.12 alice's question by her own socket", byUser(DIRECT), leaving({ ...question, uid: 501 }), "accept", "accept"],
  ["S13.14 an endpoint's path that narrows is not told", LAPTOP, tooBig, "accept", "drop"],
  ["S13.15 a canary", LAPTOP, leaving(canary), "accept", "drop"],
  [
    "S13.19 that a fragment is missing is told",
    policyOf({ flows: { rules: [], default: DIRECT } }),
    leaving({ protocol: 1, icmpType: 11, icmpCode: 1 }),
    "drop",
    "accept",
  ],
  [
    "S13.20 a router leads to a private address",
    policyOf({ flows: { rules: [], default: OFFICE }, allowLan: true }),
    leaving({ destination: readAddress("10.99.1.1"), byRouter: true }),
    "drop",
    "accept",
  ],
  ["S13.9 a user number past PF's", byHighUser, leaving({ uid: 3_000_000_000 }), "accept", "drop"],
];

describe("what PF cannot distinguish", () => {
  test.each(CASES)("%s", (_name, policy, packet, policySays, pfSays) => {
    expect([judge(policy, packet).verdict, pfVerdict(policy, packet)]).toEqual([policySays, pfSays]);
  });

  test("S13.2 a guest's packet is two packets to PF: one that enters, one that leaves", () => {
    const guest = { source: readAddress("192.168.64.2"), destination: readAddress("198.51.100.1") };
    const ports = { protocol: 6, sourcePort: 40_000, destinationPort: 80 };
    const crossing: Packet = { hook: "forward", inDevice: "bridge100", outDevice: "eth0", ...guest, ...ports };
    expect(judge(LAPTOP, crossing).verdict).toBe("drop");
    expect(pfVerdict(LAPTOP, { ...crossing, hook: "input" })).toBe("accept");
    expect(pfVerdict(LAPTOP, { ...crossing, hook: "output" })).toBe("accept");
  });

  test("S13.8 no rule speaks of frames: the kill switch is best-effort, and each rule says why", async () => {
    using mac = new DarwinWorld();
    const { capabilities } = await mac.contract().host.facts.read({ users: [], hosts: [], endpoints: [] });
    const rules = parsePf(renderPf(LAPTOP).text).rules;
    expect(rules.every(({ family = 4 }) => family === 4 || family === 6)).toBe(true);
    expect(firewallEnforcement(LAPTOP, capabilities)).toBe("best-effort");
    const { notes } = expandText(
      `tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /etc/awg/office.key }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: "${KEY_A}", endpoint: "198.51.100.7:51820", allowedIPs: [0.0.0.0/0] }]
rules: [{ destinations: [203.0.113.0/24], via: block }]
default: { via: office }
killSwitch: { enabled: true }
`,
      { os: "darwin", uplinks: [{ family: 4, device: "en0", gateway: "192.168.1.1", metric: 0 }], capabilities },
    );
    expect(notes).toContainEqual({
      path: "rules.0",
      enforcement: "best-effort",
      message: "enforced by the kernel, except for raw frames that root sends",
    });
  });

  test("S13.12 mDNSResponder asks for all: a rule by user does not hold for names, the path of DNS does", () => {
    const asked = leaving({ ...question, uid: MDNS_RESPONDER });
    expect(pfVerdict(byUser(DIRECT), asked)).toBe("drop");
    expect(pfVerdict(byUserElseDirect, asked)).toBe("accept");
    const held = policyOf({ ...byUser(DIRECT).layers[0], dns: LAPTOP.layers[0]?.dns ?? null });
    const declared = { destination: readAddress("10.8.0.1"), outDevice: "awg-office" };
    for (const uid of [501, MDNS_RESPONDER]) {
      expect(pfVerdict(held, leaving({ ...question, uid }))).toBe("drop");
      expect(pfVerdict(held, leaving({ ...question, ...declared, uid }))).toBe("accept");
    }
  });

  test("S13.16 a redirect comes in by a flow's state, by IPv6 none does, and none by an endpoint's", () => {
    const redirect = (source: string, destination: string, icmpType: number): Packet => ({
      hook: "input",
      inDevice: "eth0",
      source: readAddress(source),
      destination: readAddress(destination),
      protocol: icmpType === 5 ? 1 : 58,
      icmpType,
      reply: true,
    });
    const direct = policyOf({ flows: { rules: [], default: DIRECT } });
    const verdicts = (policy: FirewallPolicy, packet: Packet) => [
      judge(policy, packet).verdict,
      verdictOf(parsePf(renderPf(policy).text), packet, [], false),
    ];
    expect(verdicts(direct, redirect("203.0.113.200", "192.0.2.9", 5))).toEqual(["drop", "accept"]);
    expect(verdicts(direct, redirect("2001:db8::5", "2001:db8::9", 137))).toEqual(["drop", "drop"]);
    expect(verdicts(LAPTOP, redirect("192.0.2.1", "192.0.2.9", 5))).toEqual(["drop", "drop"]);
  });

  test("S13.17 in a tunnel's name only the answer to a flow with a state comes in", () => {
    const policy = policyOf({ flows: { rules: [], default: DIRECT } });
    const ping: Packet = {
      hook: "input",
      inDevice: "eth0",
      source: readAddress("10.8.0.2"),
      destination: readAddress("192.0.2.9"),
      protocol: 1,
      icmpType: 0,
    };
    const verdicts = (packet: Packet) => [
      judge(policy, packet).verdict,
      verdictOf(parsePf(renderPf(policy).text), packet, [], false),
    ];
    expect(verdicts({ ...ping, reply: true })).toEqual(["drop", "accept"]);
    expect(verdicts(ping)).toEqual(["drop", "drop"]);
  });

  test("S13.18 a question in the name of a host behind another device comes in where an exception lets it", () => {
    const allow = [{ direction: "in", protocol: 1 }] as const;
    const policy = policyOf({ flows: { rules: [], default: OFFICE }, allow });
    const ping: Packet = {
      hook: "input",
      inDevice: "bridge100",
      source: readAddress("203.0.113.200"),
      destination: readAddress("192.168.64.1"),
      protocol: 1,
      icmpType: 8,
      forged: true,
    };
    const own = (packet: Packet) => verdictOf(parsePf(renderPf(policy).text), packet, [], false);
    expect([judge(policy, ping).verdict, own(ping)]).toEqual(["drop", "accept"]);
    expect(judge(policy, { ...ping, forged: false }).verdict).toBe("accept");
  });

  test("S13.10 nothing falls back: what the policy would let out while its tunnel is down stays in", () => {
    const falling = { ...OFFICE, fallback: "direct" } as const;
    const policy = policyOf({ flows: { rules: [], default: falling } });
    const packet = leaving({});
    expect(judge(withFallback(policy, [{ path: 1, to: PATH_NUMBERS.direct }]), packet).verdict).toBe("accept");
    expect(pfVerdict(policy, packet)).toBe("drop");
  });

  test("S13.7 an answer within a flow that is older than the rules does not enter", () => {
    const answer: Packet = {
      hook: "input",
      inDevice: "eth0",
      source: readAddress("203.0.113.200"),
      destination: readAddress("192.0.2.9"),
      protocol: 17,
      sourcePort: 443,
      destinationPort: 40_000,
      reply: true,
    };
    expect(judge(LAPTOP, answer).verdict).toBe("accept");
    expect(pfVerdict(LAPTOP, answer)).toBe("drop");
  });
});

test("every row of docs/reference/security/macos.md has a test of its own", () => {
  const root = new URL("../../../../", import.meta.url);
  const rows = [
    ...readFileSync(new URL("docs/reference/security/macos.md", root), "utf8").matchAll(/^\| \*\*(S13\.\d+)\*\*/gm),
  ];
  const tests = globSync("test/host/darwin/**/*.test.ts", { cwd: root }).map((file) =>
    readFileSync(new URL(file, root), "utf8"),
  );
  const isTested = (row: string) => tests.some((text) => new RegExp(`["'\`]${row.replace(".", "\\.")}[ :]`).test(text));
  expect(rows.length).toBeGreaterThanOrEqual(16);
  expect(rows.map(([, row = ""]) => row).filter((row) => !isTested(row))).toEqual([]);
});
