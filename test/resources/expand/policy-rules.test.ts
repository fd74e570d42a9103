import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import type { Fallback, Via } from "../../../src/config/section/path.ts";
import { fallbackSwitches, switchName, withFallback } from "../../../src/model/firewall/fallback.ts";
import { compileFlowPath } from "../../../src/model/firewall/flow-path.ts";
import type { Flow } from "../../../src/model/firewall/packet.ts";
import type { FirewallPolicy, PathRef } from "../../../src/model/firewall/policy.ts";
import { type IpAddress, parseIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, MARK_MASK, markOfPath, RULE_PREFERENCES, tableOfPath } from "../../../src/model/ownership.ts";
import { parsePrefix, prefixContains } from "../../../src/model/prefix.ts";
import { renderPolicyRule, sortPolicyRules } from "../../../src/model/resources/policy-rule.ts";
import type { PolicyRule } from "../../../src/model/resources/routes.ts";
import { policyRules } from "../../../src/resources/expand/policy-rules.ts";
import { expand } from "../../../src/resources/expand.ts";
import { configArbitrary } from "../../property/config-arbitrary.ts";
import { SEED } from "../../property/seed.ts";
import { expandText, facts, KEY_A, KEY_B, resourceOf, secretOf, WITHOUT_CLASSIFIER } from "../sample.ts";

const MAIN = 254;
const TUNNELS = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/24, fd00::1/64], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0, "::/0"] }] }
  b: { protocol: wireguard, privateKey: { file: /b }, addresses: [10.0.0.2/32], peers: [{ publicKey: ${KEY_B}, endpoint: "198.51.100.8:1", allowedIPs: [10.0.0.0/8] }] }
`;
const FULL = `${TUNNELS}default: { via: a }\nkillSwitch: { enabled: true }\n`;
const SPLIT = `${TUNNELS}default: { via: direct }\n`;

function rulesOf(text: string): readonly PolicyRule[] {
  return resourceOf(expandText(text), "routes/policy").spec.rules;
}

/** Rules of one family within a range of preferences, counted from the start of ours. */
function lines(text: string, family: 4 | 6, from: number, to = from): string[] {
  const first = RULE_PREFERENCES.first;
  return rulesOf(text)
    .filter((rule) => rule.family === family && rule.preference >= first + from && rule.preference <= first + to)
    .map(renderPolicyRule);
}

const A = tableOfPath(1);
const B = tableOfPath(2);

describe("the policy rules, place by place", () => {
  test("our own sockets take the uplink, whatever else there is", () => {
    const engine = rulesOf(FULL).filter(({ preference }) => preference === RULE_PREFERENCES.first);
    expect(engine).toEqual(
      [4, 6].map((family) => ({
        family,
        preference: RULE_PREFERENCES.first,
        match: { mark: { value: ENGINE_MARK, mask: MARK_MASK } },
        table: MAIN,
      })),
    );
  });

  test("so do our questions to bootstrap servers, by our uid only", () => {
    const text = `${FULL}dns: { servers: [10.0.0.53], bootstrap: [192.0.2.53] }`;
    expect(lines(text, 4, 0)).toContain(
      "-4 10100: from all to 192.0.2.53/32 iif lo dport 53-53 uidrange 64174-64174 lookup main",
    );
    expect(lines(text, 6, 0)).toHaveLength(1);
  });

  test("a mark leads to its path's table", () => {
    const marked = rulesOf(SPLIT).filter(({ preference }) => preference === RULE_PREFERENCES.first + 10);
    const byMark = new Map(marked.map(({ family, match, table }) => [`${family} ${match.mark?.value}`, table]));
    for (const family of [4, 6]) {
      expect(byMark.get(`${family} ${markOfPath(1)}`)).toBe(A);
      expect(byMark.get(`${family} ${markOfPath(2)}`)).toBe(B);
      expect(byMark.get(`${family} ${markOfPath(61)}`)).toBe(MAIN);
    }
    expect(byMark.size).toBe(6);
  });

  test("DHCP renewals and link-local IPv6 stay on their link", () => {
    expect(lines(FULL, 4, 20)).toEqual(["-4 10120: from all iif lo ipproto udp dport 67-67 lookup main"]);
    expect(lines(FULL, 6, 20)).toEqual(["-6 10120: from all to fe80::/10 lookup main"]);
  });

  test("what has a tunnel's address goes through that tunnel", () => {
    expect(lines(SPLIT, 4, 30)).toEqual([
      `-4 10130: from 10.0.0.1/32 lookup ${A}`,
      `-4 10130: from 10.0.0.2/32 lookup ${B}`,
    ]);
    expect(lines(SPLIT, 6, 30)).toEqual([`-6 10130: from fd00::1/128 lookup ${A}`]);
  });

  test("answers of services that may be reached directly go back directly", () => {
    const text = FULL.replace(
      "{ enabled: true }",
      `{ allow: [{ direction: in, protocol: tcp, ports: [22, 80-81], remote: [192.0.2.0/24, "2001:db8::/32"] }, { direction: in, protocol: udp, ports: [5353] }, { direction: in, protocol: icmp }] }`,
    );
    expect(lines(text, 4, 40)).toEqual([
      "-4 10140: from all iif lo ipproto udp sport 5353-5353 lookup main",
      "-4 10140: from all to 192.0.2.0/24 iif lo ipproto tcp sport 22-22 lookup main",
      "-4 10140: from all to 192.0.2.0/24 iif lo ipproto tcp sport 80-81 lookup main",
    ]);
    expect(lines(text, 6, 40)).toHaveLength(3);
  });

  test("no rule of awg's own with a port or a user is for packets that arrive", () => {
    const text = `${FULL}dns: { servers: [10.9.0.53], bootstrap: [192.0.2.53], via: b }
rules: [{ users: [bob], via: b }]`.replace(
      "{ enabled: true }",
      "{ allow: [{ direction: in, protocol: tcp, ports: [22] }] }",
    );
    const narrow = rulesOf(text).filter(
      ({ match }) => match.ports ?? match.sourcePorts ?? match.protocol ?? match.uids,
    );
    expect(narrow.map(({ match }) => match.local)).toEqual(narrow.map(() => true));
    expect(narrow.length).toBeGreaterThan(5);
  });

  test.each([
    ["a tunnel", "via: b", B],
    ["direct", "via: direct", MAIN],
  ])("DNS to declared servers goes their path: %s", (_name, via, table) => {
    const name = table === MAIN ? "main" : table;
    expect(lines(`${FULL}dns: { servers: [10.9.0.53], ${via} }`, 4, 50)).toEqual([
      `-4 10150: from all to 10.9.0.53/32 fwmark 0xfe000000/0xff000000 lookup ${name}`,
      `-4 10150: from all to 10.9.0.53/32 iif lo dport 53-53 lookup ${name}`,
      `-4 10150: from all to 10.9.0.53/32 iif lo dport 853-853 lookup ${name}`,
    ]);
  });

  test("everything else goes into the default tunnel, in both families", () => {
    expect(lines(FULL, 4, 899)).toEqual([`-4 10999: from all lookup ${A}`]);
    expect(lines(FULL, 6, 899)).toEqual([`-6 10999: from all lookup ${A}`]);
  });

  test.each([
    ["direct", "default: { via: direct }"],
    ["block", "default: { via: block }\nkillSwitch: {}"],
  ])("a default of %s needs no last rule", (_name, rest) => {
    expect(lines(`${TUNNELS}${rest}`, 4, 870, 899)).toEqual([]);
  });

  test("the LAN and stated exceptions come after the rules, and only before a tunnel", () => {
    const ks = "killSwitch: { allowLan: true, allow: [{ direction: out, protocol: udp, ports: [123] }] }";
    const text = `${TUNNELS}default: { via: a }\n${ks}`;
    expect(lines(text, 4, 880)).toEqual(["-4 10980: from all ipproto udp dport 123-123 lookup main"]);
    expect(lines(text, 4, 890).map((line) => line.split("all to ")[1])).toEqual([
      "10.0.0.0/8 lookup main suppress_prefixlength 0",
      "169.254.0.0/16 lookup main",
      "172.16.0.0/12 lookup main suppress_prefixlength 0",
      "192.168.0.0/16 lookup main suppress_prefixlength 0",
      "224.0.0.0/24 lookup main",
      "239.255.255.250/31 lookup main",
      "255.255.255.255/32 lookup main",
    ]);
    expect(lines(`${TUNNELS}default: { via: direct }\n${ks}`, 4, 880, 890)).toEqual([]);
  });
});

describe("the rules of the configuration as policy rules", () => {
  const rule = (text: string) => `${FULL}rules: [${text}]`;

  test("every combination of destination, port and user", () => {
    const text = rule(
      "{ destinations: [9.0.0.0/8, 8.0.0.0/8], ports: [80, 443], protocol: tcp, users: [bob, alice], via: direct }",
    );
    expect(lines(text, 4, 100)).toHaveLength(4);
    expect(lines(text, 4, 100)[0]).toMatch(
      /^-4 10200: from all to 8\.0\.0\.0\/8 iif lo fwmark 0x[0-9a-f]+\/0x1fe0 ipproto tcp dport 443-443 lookup main$/,
    );
    expect(lines(text, 6, 100)).toEqual([]);
  });

  test("a rule without destinations holds in both families", () => {
    expect(lines(rule("{ ports: [80], protocol: tcp, via: b }"), 6, 100)).toEqual([
      `-6 10200: from all ipproto tcp dport 80-80 lookup ${B}`,
    ]);
  });

  test("a default prefix is no selector but its family", () => {
    const tcp = "{ destinations: [0.0.0.0/0], ports: [80], protocol: tcp, via: b }";
    expect(lines(rule(tcp), 4, 100)).toEqual([`-4 10200: from all ipproto tcp dport 80-80 lookup ${B}`]);
    expect(lines(rule(tcp), 6, 100)).toEqual([]);
  });

  test("S4.13: without a classifier the user of the socket counts", () => {
    const { spec } = resourceOf(expandText(rule("{ users: [bob], via: b }"), WITHOUT_CLASSIFIER), "routes/policy");
    const uids = spec.rules.flatMap(({ match }) => (match.uids === undefined ? [] : [match.uids]));
    expect(uids).toEqual([
      { from: 1001, to: 1001 },
      { from: 1001, to: 1001 },
    ]);
  });

  test("what is blocked needs none; what follows keeps its order", () => {
    const text = rule("{ ports: [25], protocol: tcp, via: block }, { destinations: [9.0.0.0/8], via: b }");
    expect(lines(text, 4, 100, 879)).toEqual([`-4 10200: from all to 9.0.0.0/8 lookup ${B}`]);
  });

  test("consecutive rules of one path share a preference, a change of path takes the next", () => {
    const text = rule(
      "{ destinations: [9.0.0.0/8], via: b }, { destinations: [8.0.0.0/8], via: b }, { destinations: [7.0.0.0/8], via: direct }, { destinations: [6.0.0.0/8], via: b }",
    );
    expect(
      rulesOf(text)
        .filter(({ family, preference }) => family === 4 && preference >= 10_200 && preference < 10_980)
        .map(({ preference, match }) => [preference, match.destination]),
    ).toEqual([
      [10_200, "8.0.0.0/8"],
      [10_200, "9.0.0.0/8"],
      [10_201, "7.0.0.0/8"],
      [10_202, "6.0.0.0/8"],
    ]);
  });

  test("a protocol that routes cannot match has no rule", () => {
    expect(lines(rule("{ protocol: icmp, via: direct }"), 4, 100)).toEqual([]);
  });

  test("a thousand rules of one path are one group; eight hundred changes of path are too many, and said", () => {
    const path = (n: number): PathRef =>
      n % 2 === 0 ? { kind: "direct" } : { kind: "tunnel", device: "awg-a", number: 1 };
    const { steering, layers } = resourceOf(expandText(FULL), "firewall/machine").spec;
    const flows = (paths: (n: number) => PathRef) =>
      Array.from({ length: 1000 }, (_, n) => ({
        origin: `rules/${n}`,
        match: { destinations: [`10.${n >> 8}.${n & 255}.0/24`] },
        path: paths(n),
      }));
    const same = policyRules({ steering: { ...steering, rules: flows(() => ({ kind: "direct" })) }, layers });
    expect(same.beyond).toEqual([]);
    const alternating = policyRules({ steering: { ...steering, rules: flows(path) }, layers });
    expect(alternating.beyond).toHaveLength(1000 - 780);
    for (const { preference } of alternating.rules) {
      expect(preference).toBeLessThanOrEqual(RULE_PREFERENCES.last);
    }
  });
});

/** The table the kernel would take for an unmarked packet whose source is not chosen yet. */
function lookUp(rules: readonly PolicyRule[], flow: Flow): number {
  const destination = prefixOf(flow.destination);
  const found = rules.find(({ family, match }) => {
    if (family !== flow.destination.family || match.mark !== undefined) return false;
    if (match.source !== undefined || match.sourcePorts !== undefined) return false;
    const outer = match.destination === undefined ? undefined : parsePrefix(match.destination);
    if (outer !== undefined && !prefixContains(outer, destination)) return false;
    if (match.protocol !== undefined && flow.protocol !== (match.protocol === "tcp" ? 6 : 17)) return false;
    return isIn(match.ports, flow.destinationPort) && isIn(match.uids, flow.uid);
  });
  return found?.table ?? MAIN;
}

function isIn(range: { from: number; to: number } | undefined, value: number | undefined): boolean {
  return range === undefined || (value !== undefined && value >= range.from && value <= range.to);
}

function prefixOf({ family, value }: IpAddress) {
  return { family, address: value, length: family === 4 ? 32 : 128 };
}

const flowArbitrary: fc.Arbitrary<Flow> = fc
  .record({
    destination: fc.constantFrom(
      "10.20.1.1",
      "10.8.0.1",
      "198.18.0.53",
      "203.0.113.7",
      "192.168.1.1",
      "1.2.3.4",
      "2001:db8:5::53",
      "2001:db8:7::1",
      "fd00::77",
    ),
    protocol: fc.constantFrom(6, 17),
    destinationPort: fc.constantFrom(53, 80, 123, 443, 853, 8080),
    uid: fc.constantFrom(0, 34, 1000, 1001, 2000),
  })
  .map(({ destination, ...rest }) => ({ ...rest, destination: parseIp(destination) as IpAddress }));

const DIRECT_FALLBACK = { kind: "direct" } as const;

/** Direct, all other tunnels, the next rule, or nothing. */
function fallbackAt({ tunnels }: Config, via: Via, index: number): Fallback {
  const others = Object.keys(tunnels).filter((name) => via.kind !== "tunnel" || name !== via.tunnel);
  const failover = others.length === 0 ? DIRECT_FALLBACK : ({ kind: "failover", tunnels: others } as const);
  return ([DIRECT_FALLBACK, failover, { kind: "next-rule" }, { kind: "block" }] as const)[index % 4] ?? DIRECT_FALLBACK;
}

function expectedTable(path: PathRef): number | undefined {
  return path.kind === "tunnel" ? tableOfPath(path.number) : path.kind === "direct" ? MAIN : undefined;
}

describe("any configuration", () => {
  test("law 1: the first look-up, without a mark, finds the table that the mark will name", () => {
    let compared = 0;
    fc.assert(
      fc.property(configArbitrary, fc.array(flowArbitrary, { minLength: 20, maxLength: 20 }), (config, flows) => {
        const { desired } = expand(config, facts(), { pathNumbers: {}, secrets: secretOf });
        const policy = desired.resources.find(({ kind }) => kind === "firewall")?.spec as FirewallPolicy | undefined;
        const rules = desired.resources.find(({ key }) => key === "routes/policy")?.spec;
        if (policy === undefined || rules === undefined || !("rules" in rules)) return;
        const [layer] = policy.layers;
        if (layer === undefined) return;
        const pathOf = compileFlowPath(policy.steering, layer);
        for (const flow of flows) {
          const expected = expectedTable(pathOf(flow).path);
          // Blocked flows are dropped wherever they are routed; bootstrap questions have an exception of their own.
          if (expected === undefined || flow.uid === facts().serviceUid) continue;
          expect(lookUp(rules.rules, flow)).toBe(expected);
          compared += 1;
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
    expect(compared).toBeGreaterThan(3000);
  });

  test("law 1: so it is while tunnels are down that something falls back from, with the rules that stand by", () => {
    let fellBack = 0;
    const falling = configArbitrary.map((config) => ({
      ...config,
      rules: config.rules.map((rule, index) => ({ ...rule, fallback: fallbackAt(config, rule.via, index) })),
      default: { ...config.default, fallback: DIRECT_FALLBACK },
    }));
    fc.assert(
      fc.property(
        falling,
        fc.array(flowArbitrary, { minLength: 20, maxLength: 20 }),
        fc.infiniteStream(fc.boolean()),
        (config, flows, isInForce) => {
          const { desired } = expand(config, facts(), { pathNumbers: {}, secrets: secretOf });
          const policy = desired.resources.find((resource) => resource.kind === "firewall")?.spec;
          const spec = desired.resources.find((resource) => resource.key === "routes/policy")?.spec;
          if (policy === undefined || spec === undefined || !("guards" in spec)) return;
          const down = fallbackSwitches(policy).filter(() => isInForce.next().value);
          const names = new Set(down.map(switchName));
          const [layer] = withFallback(policy, down).layers;
          if (layer === undefined) return;
          const pathOf = compileFlowPath(layer.flows, layer);
          const standing = (spec.standby ?? [])
            .filter((one) => names.has(switchName(one)))
            .flatMap(({ rules }) => rules);
          const rules = sortPolicyRules([...spec.rules, ...standing]);
          const usual = compileFlowPath(policy.steering, layer);
          for (const flow of flows) {
            const expected = expectedTable(pathOf(flow).path);
            if (expected === undefined || flow.uid === facts().serviceUid) continue;
            expect(lookUp(rules, flow)).toBe(expected);
            if (expected !== expectedTable(usual(flow).path)) fellBack += 1;
          }
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
    expect(fellBack).toBeGreaterThan(500);
  });

  test("rules are in order, each once, within our range, and name tables that exist", () => {
    fc.assert(
      fc.property(configArbitrary, (config) => {
        const { desired } = expand(config, facts(), { pathNumbers: {}, secrets: secretOf });
        const tables = new Set(desired.resources.map(({ spec }) => ("table" in spec ? spec.table : undefined)));
        for (const { spec } of desired.resources) {
          if (!("rules" in spec)) continue;
          expect(sortPolicyRules(spec.rules)).toEqual(spec.rules);
          expect(new Set(spec.rules.map(renderPolicyRule)).size).toBe(spec.rules.length);
          for (const { table, preference } of spec.rules) {
            expect(table === MAIN || tables.has(table)).toBe(true);
            expect(preference).toBeGreaterThanOrEqual(RULE_PREFERENCES.first);
            expect(preference).toBeLessThanOrEqual(RULE_PREFERENCES.last);
          }
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
