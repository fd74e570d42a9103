import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderNft } from "../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../src/host/linux/nft/render/rendered-table.ts";
import { sameData } from "../../../src/model/canonical.ts";
import { judge } from "../../../src/model/firewall/evaluate.ts";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import { engineUids, type FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { ORPHANED, UNCLASSIFIED } from "../../../src/model/ownership.ts";
import { type Expression, verdict } from "../../../src/native/linux/nftables/expression.ts";
import { matchIn } from "../../../src/native/linux/nftables/match.ts";
import type { Verified, VerifyFinding } from "../../../src/verify/finding.ts";
import { tableOfRendered } from "../../../src/verify/nft/rule-table.ts";
import { verifyRuleset } from "../../../src/verify/nft/verify-ruleset.ts";
import { packetArbitrary, steadyPolicyArbitrary } from "../../model/firewall/arbitraries.ts";
import {
  DIRECT,
  LAPTOP,
  OFFICE,
  policyOf,
  SERVICE_UID,
  UNNAMED,
  withHighNumbers,
} from "../../model/firewall/policies.ts";
import { SEED } from "../../support/seeded.ts";
import { packetOfShown, wayOf, wireOf } from "./concrete-ways.ts";

const PHYSICAL = ["eth0", "wlan0"];
const DEVICES = [...PHYSICAL, "awg-office", "awg-proxy", "awg-third"];

function render(policy: FirewallPolicy): readonly RenderedTable[] {
  return renderNft(policy, { devices: PHYSICAL, identity: "test", ownedTables: true });
}

function verify(policy: FirewallPolicy, tables: readonly RenderedTable[]): Verified {
  const common = { devices: DEVICES, framed: PHYSICAL, indexes: new Map<string, number>(), sources: ["192.168.1.2"] };
  return verifyRuleset({ policy, tables: tables.map(tableOfRendered), ...common });
}

interface Mutant {
  readonly name: string;
  readonly tables: readonly RenderedTable[];
}

/** Each rule left out, one at a time. */
function withoutEachRule(tables: readonly RenderedTable[]): Mutant[] {
  return tables.flatMap((table, at) =>
    table.rules.map((rule, index) => ({
      name: `without ${table.table.family} ${rule.chain}: ${rule.comment}`,
      tables: tables.with(at, { ...table, rules: table.rules.toSpliced(index, 1) }),
    })),
  );
}

/** The table with a rule put first into a chain. */
function withRule(tables: readonly RenderedTable[], at: number, chain: string, expressions: readonly Expression[]) {
  const table = tables[at] as RenderedTable;
  const { family, name } = table.table;
  const rule = { family, table: name, chain, expressions, comment: "planted" };
  return tables.with(at, { ...table, rules: [rule, ...table.rules] });
}

/** Every finding with a packet is as it says, by the evaluator and by the interpreter that works on bytes. */
function confirm(policy: FirewallPolicy, tables: readonly RenderedTable[], { kind, packet, message }: VerifyFinding) {
  if (packet === undefined || packet.fragment === "first") return;
  const concrete = packetOfShown(packet);
  const way = wayOf(tables, concrete, packet.hook === "frame", wireOf(packet));
  const said = packet.hook === "frame" ? undefined : judge(policy, concrete).verdict;
  const text = `${kind} ${message} ${JSON.stringify(packet)}`;
  if (kind === "leak" || kind === "stray" || kind === "entry") {
    expect({ said, ...way }, text).toMatchObject({ stack: "accept", egress: "accept" });
    if (said !== undefined) expect(said, text).toBe("drop");
  } else if (kind === "weakness")
    expect({ said, ...way }, text).toEqual({ said: "drop", stack: "accept", egress: "drop" });
  else if (kind === "lock-out") {
    expect(said, text).toBe("accept");
    expect([way.stack, way.egress], text).toContain("drop");
  }
}

const BOB = { match: { uids: [{ from: 65_534, to: 65_534 }] }, path: DIRECT, origin: "rules/0 (bob)" } as const;
/** The laptop's, with a rate for each of its rules. */
const LIMITED: FirewallPolicy = {
  ...LAPTOP,
  steering: {
    ...LAPTOP.steering,
    rules: LAPTOP.steering.rules.map((rule) => ({ ...rule, limit: { upload: 1e6, download: 1e6 } })),
  },
};
const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 4_000 });

/** The same user by class, in the tunnel. */
const BOBS = [
  { ...BOB, match: { classes: { in: [ORPHANED] } }, path: OFFICE },
  { ...BOB, match: { classes: { in: [7] } }, path: OFFICE },
  { ...BOB, match: { ...BOB.match, classes: { in: [UNCLASSIFIED] } }, path: OFFICE },
];

/** Sampled packets that the policy refuses and the tables let out of a physical device, by the interpreter on bytes. */
function sampledLeaks(policy: FirewallPolicy, tables: readonly RenderedTable[], mutant: number): Packet[] {
  const stretch = Array.from({ length: 250 }, (_, at) => packets[(mutant * 250 + at) % packets.length] as Packet);
  return stretch.filter((packet) => {
    if (packet.hook === "input" || !PHYSICAL.includes(packet.outDevice ?? "")) return false;
    if (judge(policy, packet).verdict === "accept") return false;
    const { stack, egress } = wayOf(tables, packet);
    return stack === "accept" && egress === "accept";
  });
}

describe("law 1: verification of a whole ruleset", { timeout: 300_000 }, () => {
  const changed = policyOf({ allowLan: true, flows: { rules: [], default: OFFICE } });
  const policies: readonly (readonly [string, FirewallPolicy])[] = [
    ["the laptop's", LAPTOP],
    ["one that names no users, whose verdicts are remembered", UNNAMED],
    ["the one between two", between(LAPTOP, changed) as FirewallPolicy],
    ["an inclusive one", policyOf({ flows: { ...LAPTOP.steering, default: DIRECT } })],
    ["one without the kill switch", policyOf({ ...LAPTOP.layers[0], killSwitch: false })],
    ["one of many tunnels", withHighNumbers(LAPTOP)],
    ["one whose rules have rates", LIMITED],
    ["one where one user goes directly", policyOf({ flows: { rules: [BOB], default: OFFICE } })],
    [
      "one where one user takes the tunnel",
      policyOf({ flows: { rules: [{ ...BOB, path: OFFICE }], default: DIRECT } }),
    ],
    ["one where one user's class takes the tunnel", policyOf({ flows: { rules: BOBS, default: DIRECT } })],
  ];

  test.each(policies)("finds nothing in what is rendered for %s", (_name, policy) => {
    expect(verify(policy, render(policy))).toMatchObject({ findings: [], notes: [] });
  });

  test("finds nothing in what is rendered for any policy, nor for those between two", () => {
    const steady = fc.sample(steadyPolicyArbitrary, { seed: SEED, numRuns: 8 });
    const changes = steady.slice(1).flatMap((policy, index) => {
      const other = steady[index] as FirewallPolicy;
      // Between two users of engines the tunnels of one wait, so that what is granted to it is not reached.
      const [before, after] = [other, policy].map(({ layers }) => layers.flatMap(engineUids));
      return sameData(before, after) ? [between(other, policy) as FirewallPolicy] : [];
    });
    for (const policy of [...steady, ...changes.slice(0, 3)]) {
      // Two tunnels of one number cannot be told apart by a mark; configurations never have them.
      const real = verify(policy, render(policy)).findings.filter(({ kind }) => kind !== "misroute");
      expect(real, `seed ${SEED}: ${JSON.stringify(policy)}`).toEqual([]);
    }
  });

  // What rules remember, what packets carry, and what becomes of a frame meanwhile no set of packets shows. Most answers that
  // enter meet one rule for them, and behind it another.
  const mutants = withoutEachRule(render(LAPTOP))
    .filter(({ name }) => !/S4\.10|S6\.2 answer|S6\.8 with the mark/.test(name))
    .filter((_, index) => index % 6 === SEED % 6);

  test(`names a packet for each of ${mutants.length} rulesets that lack a rule, where packets differ`, () => {
    let [leaking, harmless] = [0, 0];
    for (const [index, { name, tables }] of mutants.entries()) {
      const { findings } = verify(LAPTOP, tables);
      for (const finding of findings) confirm(LAPTOP, tables, finding);
      const isLeaking = findings.some(({ kind }) => kind === "leak");
      if (sampledLeaks(LAPTOP, tables, index).length > 0) expect(isLeaking, `${name} leaks`).toBe(true);
      leaking += isLeaking ? 1 : 0;
      harmless += findings.length === 0 ? 1 : 0;
    }
    expect(mutants.length).toBeGreaterThanOrEqual(35);
    expect(leaking).toBeGreaterThan(3);
    // What the egress table accepts, no packet of the IP stack needs: it carries a mark there (S9.3).
    expect(harmless).toBeLessThan(mutants.length / 2);
  });
});

describe("the breakages that the leak lab knows are found without sending a packet", { timeout: 300_000 }, () => {
  const tables = render(LAPTOP);
  const { field } = matchIn("inet");
  const without = (at: number, isGone: (rule: RenderedTable["rules"][number]) => boolean) => {
    const table = tables[at] as RenderedTable;
    return tables.with(at, { ...table, rules: table.rules.filter((rule) => !isGone(rule)) });
  };
  const withoutBase = (chain: string) => {
    const table = tables[0] as RenderedTable;
    const { base: _hook, ...bare } = table.chains.find(({ name }) => name === chain) as RenderedTable["chains"][number];
    return tables.with(0, { ...table, chains: table.chains.map((one) => (one.name === chain ? bare : one)) });
  };
  const anyEndpoint = [...matchIn("inet").skuid(SERVICE_UID), ...matchIn("inet").daddr("192.0.2.1")];
  const breakages: readonly (readonly [string, readonly RenderedTable[], RegExp])[] = [
    ["IPv4 only", withRule(tables, 0, "leaving", [...matchIn("inet").network("ip6"), verdict("accept")]), /\[2001:/],
    [
      "a mark without its user",
      withRule(tables, 0, "leaving", [...matchIn("inet").mark(0x3f000000), verdict("accept")]),
      /./,
    ],
    ["no egress hook", tables.slice(0, 1), /raw frame/],
    ["no forward chain", withoutBase("crossing"), /in by/],
    ["DNS judged after the LAN", without(0, ({ comment = "" }) => comment.startsWith("S4.3")), /:53/],
    [
      "an endpoint without its port",
      withRule(tables, 0, "leaving", [...anyEndpoint, verdict("accept")]),
      /192\.0\.2\.1/,
    ],
    ["source addresses that NAT missed", withoutBase("source-guard"), /10\.8\.0\.2|10\.9\.0\.2|fd00:8::2/],
    [
      "established flows let out",
      withRule(tables, 0, "leaving", [...matchIn("inet").ctState(["established"]), verdict("accept")]),
      /established|answer/,
    ],
    ["a device let out", withRule(tables, 0, "leaving", [...field("oifname", "wlan0"), verdict("accept")]), /wlan0/],
  ];

  test.each(breakages)("%s", (name, broken, packet) => {
    const { findings } = verify(LAPTOP, broken);
    const worst = findings.filter(({ kind }) => kind === "leak" || kind === "weakness");
    expect(worst.length).toBeGreaterThan(0);
    expect(worst.map((finding) => JSON.stringify(finding) + describeShown(finding)).join("\n")).toMatch(packet);
    // The interpreter of the tests knows conntrack's directions, not its states.
    if (!name.includes("established")) for (const finding of worst) confirm(LAPTOP, broken, finding);
  });

  describe("S5.6: a set of judged flows", () => {
    const remembering = render(UNNAMED);
    const [inet, netdev] = remembering as [RenderedTable, RenderedTable];
    const leaksOf = (broken: readonly RenderedTable[]) =>
      verify(UNNAMED, broken).findings.filter(({ kind }) => kind === "leak");
    const remember = inet.rules.filter(({ chain }) => chain === "remember");

    test.each(["steer", "leaving", "out", "through", "refused"])("to which the chain %s adds, too", (chain) => {
      const adding = remember.flatMap(({ expressions }) =>
        expressions.some(({ kind }) => kind === "set-update") ? [expressions] : [],
      );
      const broken = adding.reduce((tables, expressions) => withRule(tables, 0, chain, expressions), remembering);
      expect(leaksOf(broken).length).toBeGreaterThan(0);
    });

    test("that is asked for another field than was added", () => {
      const rules = inet.rules.map((rule) => ({
        ...rule,
        expressions: rule.expressions.map((one) =>
          // The port of the other side, in place of this one's.
          rule.chain !== "remember" && rule.comment?.startsWith("S5.6") && one.kind === "payload" && one.offset === 2
            ? { ...one, offset: 0 }
            : one,
        ),
      }));
      expect(rules).not.toEqual(inet.rules);
      expect(leaksOf([{ ...inet, rules }, netdev]).length).toBeGreaterThan(0);
    });

    test("with a key without the device", () => {
      const rules = inet.rules.map((rule) => ({
        ...rule,
        expressions: rule.comment?.startsWith("S5.6")
          ? rule.expressions.filter((one) => one.kind !== "meta" || one.key !== "oifname")
          : rule.expressions,
      }));
      expect(leaksOf([{ ...inet, rules }, netdev]).length).toBeGreaterThan(0);
    });
  });

  test("S9.4: a bridge where the ports all count as guests' is noted", () => {
    const asked = { policy: blockedPolicy(), tables: render(blockedPolicy()).map(tableOfRendered) };
    const devices = { devices: DEVICES, framed: PHYSICAL, indexes: new Map<string, number>(), sources: [] };
    expect(verifyRuleset({ ...asked, ...devices, guestBridges: ["docker0"] })).toMatchObject({
      findings: [],
      notes: [expect.stringMatching(/bridge docker0 are not judged.*S9\.4/)],
    });
  });

  const aside = matchIn("netdev").field;
  test.each([
    ["S2.7: LLDP", [...aside("protocol", 0x88cc), verdict("accept")], /0x88cc, by/],
    ["S2.7: any", [verdict("accept")], /0x[0-9a-f]{4}, by/],
  ] as const)("%s frames that a rule lets out", (_, expressions, reported) => {
    const said = verify(LAPTOP, withRule(tables, 1, "frames", expressions)).findings;
    const ofFrames = said.filter(({ message }) => message.includes("S2.7)"));
    expect(ofFrames.map(({ kind, message }) => `${kind}: ${message}`)).toEqual(
      PHYSICAL.map((device) =>
        expect.stringMatching(new RegExp(`^leak: .*${reported.source} ${device} leaves though`)),
      ),
    );
  });

  test("S2.7: EAPOL and LACP that are dropped", () => {
    const broken = without(1, ({ comment = "" }) => comment.startsWith("S2.7 EAPOL"));
    const said = verify(LAPTOP, broken).findings.map(({ kind, message }) => `${kind}: ${message}`);
    expect(said).toEqual(
      PHYSICAL.map((device) => expect.stringMatching(`^lock-out: .*type 0x8\\w+, by ${device} is dropped`)),
    );
  });

  test("S9.1: packets that a rule lets out as frames", () => {
    const { findings } = verify(LAPTOP, withRule(tables, 1, "packets", [verdict("accept")]));
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(["leak"]));
  });

  test("S2.1: what a program sends over loopback from another host's address", () => {
    const open = [1, 3, 8].map((type) =>
      withRule(tables, 0, "loopback", [...field("fib.saddr.type", type), verdict("accept")]),
    );
    const gone = without(0, ({ comment }) => comment === "S2.1 source of another host");
    for (const broken of [gone, ...open]) {
      const leaks = verify(LAPTOP, broken).findings.filter(({ kind }) => kind !== "unjudged");
      expect(leaks.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
        expect.stringMatching(/^leak: .* over loopback with another host's address.*S2\.1/),
      ]);
    }
  });

  test("S6.8, S7.4: what comes in another's name, with its reverse path unchecked, and checked under another mark", () => {
    const policy = policyOf({ flows: { rules: [], default: OFFICE }, allow: [{ direction: "in", protocol: 6 }] });
    const [inet, netdev] = render(policy) as [RenderedTable, RenderedTable];
    for (const comment of [/^S6.8 its sender/, /^S6.8 with the mark/, /no uplink$/]) {
      const rules = inet.rules.filter((rule) => !comment.test(rule.comment ?? ""));
      const { findings } = verify(policy, [{ ...inet, rules }, netdev]);
      expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual(
        [4, 6].flatMap((family) =>
          ["S6.8", "S7.4"].map((reported) =>
            expect.stringMatching(`^leak: .* with a forged source .*IPv${family}, ${reported}`),
          ),
        ),
      );
    }
  });

  test("S9.3: what carries a mark may leave, what carries none is judged", () => {
    const [inet, netdev] = tables as [RenderedTable, RenderedTable];
    const rules = netdev.rules.map((rule) =>
      rule.comment?.startsWith("S9.3") ? { ...rule, expressions: [verdict("accept")] } : rule,
    );
    const { findings } = verify(LAPTOP, [inet, { ...netdev, rules }]);
    const leaks = findings.filter(({ packet }) => packet !== undefined);
    expect(leaks.length).toBeGreaterThan(0);
    for (const { kind, packet } of leaks) expect([kind, packet?.hook, packet?.mark]).toEqual(["leak", "frame", 0]);
    const without = { ...netdev, rules: netdev.rules.filter(({ comment = "" }) => !comment.startsWith("S9.3")) };
    expect(verify(LAPTOP, [inet, without]).findings.map(({ kind }) => kind)).toContain("lock-out");
  });

  test("what awg does not know is said, never taken for harmless", () => {
    // Its second attribute is one byte, where a match of iptables has its revision.
    const unknown: Expression = { kind: "unknown", name: "osf", data: Uint8Array.of(5, 0, 2, 0, 1, 0, 0, 0) };
    const { findings } = verify(LAPTOP, withRule(tables, 0, "leaving", [unknown, verdict("accept")]));
    expect(findings.map(({ kind }) => kind)).toContain("unjudged");
    expect(
      findings.filter(({ kind }) => kind === "unjudged").flatMap(({ rules }) => rules.map(({ name }) => name)),
    ).toContain("inet awg leaving: planted");
  });

  test("another table can only drop more: its accept opens nothing, its drop is a lock-out", () => {
    const foreign = (code: "accept" | "drop"): RenderedTable => {
      const place = { family: "inet", table: "theirs" } as const;
      const base = { type: "filter", hook: "postrouting", priority: 0, policy: "accept" } as const;
      return {
        table: { family: "inet", name: "theirs" },
        chains: [{ ...place, name: "out", base }],
        rules: [{ ...place, chain: "out", expressions: [...matchIn("inet").field("oifname", "eth0"), verdict(code)] }],
        sets: [],
      };
    };
    expect(verify(LAPTOP, [...tables, foreign("accept")]).findings).toEqual([]);
    const { findings } = verify(LAPTOP, [...tables, foreign("drop")]);
    expect([...new Set(findings.map(({ kind }) => kind))]).toEqual(["lock-out"]);
    expect(JSON.stringify(findings)).toContain("inet theirs out");
  });

  test("another program's table for ARP or bridges is a note, unless it says nothing", () => {
    const foreign = (family: "arp" | "bridge", policy: "accept" | "drop"): RenderedTable => ({
      table: { family, name: "theirs" },
      chains: [{ family, table: "theirs", name: "out", base: { type: "filter", hook: "output", priority: 0, policy } }],
      rules: [],
      sets: [],
    });
    const notesOf = (table: RenderedTable) => verify(blockedPolicy(), [...render(blockedPolicy()), table]).notes;
    expect(notesOf(foreign("arp", "accept"))).toEqual([]);
    expect(notesOf(foreign("arp", "drop"))).toEqual([expect.stringContaining("arp theirs")]);
    expect(notesOf(foreign("bridge", "drop"))).toEqual([expect.stringContaining("bridge theirs")]);
  });

  test("no tables at all: everything leaves", () => {
    const { findings } = verify(LAPTOP, []);
    expect(findings.filter(({ kind }) => kind === "leak").length).toBeGreaterThan(2);
  });
});

function describeShown({ packet }: VerifyFinding): string {
  if (packet === undefined) return "";
  const port = packet.destinationPort === undefined ? "" : `:${packet.destinationPort}`;
  const source = packet.source.includes(":") ? `[${packet.source}]` : packet.source;
  const way = packet.inDevice === undefined ? "" : "in by";
  return `${source} ${packet.destination}${port} ${way} ${packet.hook === "frame" ? "raw frame" : ""}`;
}
