import { describe, expect, test } from "vitest";
import { PF_ANCHOR, renderPf } from "../../../../src/host/darwin/pf/render-pf.ts";
import { readAddress } from "../../../../src/model/firewall/address-set.ts";
import { judge } from "../../../../src/model/firewall/evaluate.ts";
import { withFallback } from "../../../../src/model/firewall/fallback.ts";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { DIRECT, LAPTOP, OFFICE, policyOf, SERVICE_UID } from "../../../model/firewall/policies.ts";
import { judgePf } from "./judge-pf.ts";
import { parsePf } from "./parse-pf.ts";

const ALICE = [{ from: 501, to: 501 }];
const byUser = (path: typeof DIRECT | typeof OFFICE): FirewallPolicy =>
  policyOf({ flows: { rules: [{ origin: "rules/0", match: { uids: ALICE }, path }], default: OFFICE } });
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
const neighbour = { protocol: 58, icmpType: 135, source: readAddress("fe80::9"), destination: readAddress("fe80::1") };
/** By a tunnel that would carry it. */
const canary = { outDevice: "awg-office", destination: readAddress("192.0.2.251"), destinationPort: 9 };
const fragment = { laterFragment: true, uid: 501, protocol: 17 };

const CASES: readonly (readonly [string, FirewallPolicy, Packet, "accept" | "drop", "accept" | "drop"])[] = [
  ["S13.1 our user without our mark reaches an endpoint", LAPTOP, leaving(endpoint), "drop", "accept"],
  ["S13.1 with the mark both agree", LAPTOP, leaving({ ...endpoint, mark: ENGINE_MARK }), "accept", "accept"],
  ["S13.3 a user's ping has no owner", byUser(DIRECT), leaving({ protocol: 1, uid: 501 }), "accept", "drop"],
  ["S13.3 a user's UDP has one", byUser(DIRECT), leaving({ uid: 501 }), "accept", "accept"],
  ["S13.4 a user's later fragment is anybody's", byUser(DIRECT), leaving(fragment), "accept", "drop"],
  ["S13.5 SCTP has no ports", byPort, leaving({ protocol: 132 }), "accept", "drop"],
  [
    "S13.6 no hop limit is asked for",
    AWAY,
    leaving({ ...neighbour, hopLimit: 64, icmpType: 133, destination: readAddress("ff02::2") }),
    "drop",
    "accept",
  ],
  ["S13.15 a canary", LAPTOP, leaving(canary), "accept", "drop"],
  ["S13.9 a user number past PF's", byHighUser, leaving({ uid: 3_000_000_000 }), "accept", "drop"],
];

describe("what PF cannot tell", () => {
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

  test("S13.10 nothing falls back: what the policy would let out while its tunnel is down stays in", () => {
    const falling = { ...OFFICE, fallback: "direct" } as const;
    const policy = policyOf({ flows: { rules: [], default: falling } });
    const packet = leaving({});
    expect(judge(withFallback(policy, [1]), packet).verdict).toBe("accept");
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
