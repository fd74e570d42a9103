import { describe, expect, test } from "vitest";
import type { FlowRule, PathRef } from "../../../src/model/firewall/policy.ts";
import { ORPHANED, UNCLASSIFIED } from "../../../src/model/ownership.ts";
import { canonicalPrefix, parsePrefix, prefixContains, renderPrefix } from "../../../src/model/prefix.ts";
import { HTTPS_RESOLVERS } from "../../../src/resources/expand/names/encrypted-dns.ts";
import { capabilities, expandText, KEY_A, KEY_B, resourceOf, WITHOUT_CLASSIFIER } from "../sample.ts";

const TUNNELS = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
  b: { protocol: wireguard, privateKey: { file: /b }, addresses: [10.0.0.2/32], peers: [{ publicKey: ${KEY_B}, endpoint: "198.51.100.8:1", allowedIPs: [0.0.0.0/0] }] }
`;
const A: PathRef = { kind: "tunnel", device: "awg-a", number: 1 };
const B: PathRef = { kind: "tunnel", device: "awg-b", number: 2 };
const BOB = { uids: [{ from: 1001, to: 1001 }] };
const DIRECT: PathRef = { kind: "direct" };
const BLOCK: PathRef = { kind: "block" };

const withRules = (rules: string, rest = "default: { via: direct }") => `${TUNNELS}rules: [${rules}]\n${rest}\n`;

function policyOf(text: string, facts?: Parameters<typeof expandText>[1]) {
  return resourceOf(expandText(text, facts), "firewall/machine").spec;
}

describe("rules of one network", () => {
  const text = withRules("{ when: { interface: eth0 }, ports: [80], via: a }, { ports: [81], via: b }");
  const rulesIn = (device: string) =>
    policyOf(text, { networks: [{ device, wired: true }] }).steering.rules.map(({ origin }) => origin);

  test("hold there and nowhere else; the plan says which do not", () => {
    expect(rulesIn("eth0")).toEqual(["rules/0", "rules/1"]);
    expect(rulesIn("wlan0")).toEqual(["rules/1"]);
    const { notes } = expandText(text, { networks: [{ device: "wlan0", wired: false }] });
    expect(notes).toContainEqual({
      path: "rules.0.when",
      message: "not in force: this host is in another network",
    });
  });
});

describe("law 9: a fallback to direct", () => {
  const text = withRules(
    "{ ports: [80], protocol: tcp, via: a, fallback: direct }",
    "default: { via: b, fallback: direct }\nkillSwitch: { enabled: true }",
  );
  const levels = (...overrides: Parameters<typeof expandText>[1][]) =>
    expandText(text, ...overrides).notes.flatMap(({ path, enforcement }) =>
      ["default", "rules.0"].includes(path) ? [[path, enforcement]] : [],
    );

  test("is as good as the daemon that watches", () => {
    expect(levels()).toEqual(
      expect.arrayContaining([
        ["rules.0", "best-effort"],
        ["default", "best-effort"],
      ]),
    );
  });

  test("does not come about on macOS, and is said (S13.10)", () => {
    const mac = { os: "darwin", ...capabilities({ nftables: false, pf: true, egressHook: false }) } as const;
    expect(levels(mac)).toEqual(
      expect.arrayContaining([
        ["rules.0", "advisory"],
        ["default", "advisory"],
      ]),
    );
  });
});

describe("rules become flow rules", () => {
  test.each<[string, string, FlowRule[]]>([
    ["everything to a tunnel", "{ users: [bob], via: b }", [{ origin: "rules/0", match: BOB, path: B }]],
    [
      "a name shows in the origin",
      "{ name: x, users: [bob], via: a }",
      [{ origin: "rules/0 (x)", match: BOB, path: A }],
    ],
    [
      "prefixes, sorted and each once",
      "{ destinations: [192.0.2.0/24, 10.0.0.0/8, 192.0.2.0/24], via: a }",
      [{ origin: "rules/0", match: { destinations: ["10.0.0.0/8", "192.0.2.0/24"] }, path: A }],
    ],
    [
      "ports",
      "{ ports: [443, 8000-8999], protocol: tcp, via: a }",
      [
        {
          origin: "rules/0",
          match: {
            ports: [
              { from: 443, to: 443 },
              { from: 8000, to: 8999 },
            ],
            protocol: 6,
          },
          path: A,
        },
      ],
    ],
    [
      "a rule for each protocol",
      "{ ports: [53], protocol: [udp, tcp], via: direct }",
      [
        { origin: "rules/0", match: { ports: [{ from: 53, to: 53 }], protocol: 17 }, path: DIRECT },
        { origin: "rules/0", match: { ports: [{ from: 53, to: 53 }], protocol: 6 }, path: DIRECT },
      ],
    ],
    [
      "users by name and number, sorted and each once",
      "{ users: [bob, alice, '1000', '7'], via: block }",
      [
        {
          origin: "rules/0",
          match: {
            uids: [
              { from: 7, to: 7 },
              { from: 1000, to: 1000 },
              { from: 1001, to: 1001 },
            ],
          },
          path: BLOCK,
        },
      ],
    ],
    [
      "the root user is a user",
      "{ users: [root], via: a }",
      [{ origin: "rules/0", match: { uids: [{ from: 0, to: 0 }] }, path: A }],
    ],
    [
      "drop as fallback drops always",
      "{ users: [bob], via: a, fallback: drop }",
      [{ origin: "rules/0", match: BOB, path: BLOCK }],
    ],
    [
      "direct as fallback is said at the path",
      "{ users: [bob], via: a, fallback: direct }",
      [{ origin: "rules/0", match: BOB, path: { ...A, fallback: "direct" } }],
    ],
    [
      "in order",
      "{ destinations: [10.0.0.0/8], via: a }, { destinations: [9.0.0.0/8], via: b }",
      [
        { origin: "rules/0", match: { destinations: ["10.0.0.0/8"] }, path: A },
        { origin: "rules/1", match: { destinations: ["9.0.0.0/8"] }, path: B },
      ],
    ],
  ])("%s", (_name, rules, expected) => {
    const { steering, layers } = policyOf(withRules(rules), WITHOUT_CLASSIFIER);
    expect(steering.rules).toEqual(expected);
    expect(layers[0]?.flows).toEqual(steering);
  });

  test.each([
    ["icmp", 1],
    ["icmpv6", 58],
    ["sctp", 132],
    ["gre", 47],
    ["esp", 50],
  ])("protocol %s is number %i", (name, number) => {
    expect(policyOf(withRules(`{ protocol: ${name}, via: a }`)).steering.rules[0]?.match).toEqual({ protocol: number });
  });

  test("a user that does not exist matches nothing, and is named", () => {
    const expansion = expandText(
      withRules("{ users: [nobody-here], via: direct }, { users: [bob, ghost, constructor], via: a }"),
      WITHOUT_CLASSIFIER,
    );
    const { rules } = resourceOf(expansion, "firewall/machine").spec.steering;
    expect(rules.map(({ origin, match }) => [origin, match.uids])).toEqual([["rules/1", [{ from: 1001, to: 1001 }]]]);
    const said = expansion.notes.filter(({ path }) => path.endsWith("users")).map(({ message }) => message);
    expect(said).toEqual([
      "no user nobody-here on this host",
      "no user ghost on this host",
      "no user constructor on this host",
    ]);
  });
});

describe("the default", () => {
  test.each<[string, string, PathRef]>([
    ["a tunnel", "default: { via: b }\nkillSwitch: {}", B],
    ["direct", "default: { via: direct }", DIRECT],
    ["block", "default: { via: block }", BLOCK],
    ["drop as fallback", "default: { via: a, fallback: drop }\nkillSwitch: {}", BLOCK],
    ["direct as fallback", "default: { via: a, fallback: direct }\nkillSwitch: {}", { ...A, fallback: "direct" }],
  ])("%s", (_name, rest, path) => {
    expect(policyOf(`${TUNNELS}${rest}`).steering.default).toEqual(path);
  });
});

describe("law 9: how each rule is kept is said", () => {
  const levels = (rules: string, able: Parameters<typeof capabilities>[0] = {}) =>
    expandText(withRules(rules), capabilities(able))
      .notes.filter(({ path }) => /^rules\.\d+$/.test(path))
      .map(({ enforcement }) => enforcement);

  test.each<[string, string, Parameters<typeof capabilities>[0], string]>([
    ["by the kernel", "{ users: [bob], ports: [80], protocol: tcp, via: a }", {}, "enforced"],
    ["direct, without the egress hook", "{ users: [bob], via: direct }", { egressHook: false }, "enforced"],
    ["in a tunnel, without the egress hook", "{ users: [bob], via: a }", { egressHook: false }, "best-effort"],
    ["blocked, without the egress hook", "{ users: [bob], via: block }", { egressHook: false }, "best-effort"],
    ["direct while the tunnel is down", "{ users: [bob], via: a, fallback: direct }", {}, "best-effort"],
    ["a protocol that routes cannot tell", "{ protocol: gre, via: a }", {}, "best-effort"],
    ["the same, blocked", "{ protocol: gre, via: block }", {}, "enforced"],
    ["nobody it is for", "{ users: [ghost], via: a }", {}, "enforced"],
    ["no packet filter", "{ users: [bob], via: a }", { nftables: false }, "unsupported"],
  ])("%s", (_name, rule, able, level) => {
    expect(levels(rule, able)).toEqual([level]);
  });

  test("a default that falls back to direct is said to need the daemon", () => {
    const { notes } = expandText(`${TUNNELS}default: { via: a, fallback: direct }\nkillSwitch: {}`);
    expect(notes).toContainEqual(expect.objectContaining({ path: "default", enforcement: "best-effort" }));
  });

  test("each exception of the kill switch is said", () => {
    const text = `${TUNNELS}default: { via: a }
killSwitch:
  allowLan: true
  allow:
    - { direction: in, protocol: tcp, ports: [22], remote: [192.0.2.0/24] }
    - { direction: out, protocol: icmp }`;
    const { notes } = expandText(text);
    expect(notes.filter(({ enforcement }) => enforcement === "enforced").map(({ path }) => path)).toEqual([
      "killSwitch.allowLan",
      "killSwitch.allow.0",
      "killSwitch.allow.1",
    ]);
    expect(policyOf(text).layers[0]).toMatchObject({
      killSwitch: true,
      allowLan: true,
      allow: [
        { direction: "in", protocol: 6, ports: [{ from: 22, to: 22 }], prefixes: ["192.0.2.0/24"] },
        { direction: "out", protocol: 1 },
      ],
    });
  });
});

describe("DNS", () => {
  const dns = (text: string, rest = "default: { via: a }\nkillSwitch: {}") => `${TUNNELS}${rest}\ndns: { ${text} }\n`;

  test("servers, their path, what is protected, and whom we may ask ourselves", () => {
    const { layers } = policyOf(
      dns("servers: [10.0.0.53], via: b, bootstrap: [192.0.2.53, 192.0.2.53], blockEncryptedDns: true"),
    );
    expect(layers[0]).toMatchObject({
      dns: { leakProtection: true, servers: ["10.0.0.53"], path: B, blockEncrypted: true },
      bootstrapDns: ["192.0.2.53"],
    });
  });

  test("without kill switch and bootstrap servers, the host's own may be asked for endpoints", () => {
    const facts = { nameServers: ["192.168.7.1", "127.0.0.1"] };
    const granted = (rest: string, text = "servers: [10.0.0.53], via: b") =>
      policyOf(dns(text, rest), facts).layers[0]?.bootstrapDns;
    expect(granted("default: { via: direct }")).toEqual(["192.168.7.1"]);
    expect(granted("default: { via: a }\nkillSwitch: {}")).toEqual([]);
    expect(granted("default: { via: direct }", "servers: [10.0.0.53], via: b, bootstrap: [9.9.9.9]")).toEqual([
      "9.9.9.9",
    ]);
  });

  test("blockEncryptedDns refuses HTTPS to public resolvers before every rule, over TCP and QUIC, on every path", () => {
    const rules = "default: { via: a }\nkillSwitch: {}\nrules: [{ destinations: [9.9.9.9/32], via: direct }]";
    const flows = (text: string) => policyOf(dns(text, rules)).layers[0]?.flows.rules ?? [];
    const [tcp, udp, own, ...others] = flows("servers: [10.0.0.53], blockEncryptedDns: true");
    for (const [rule, protocol] of [
      [tcp, 6],
      [udp, 17],
    ] as const) {
      expect(rule).toMatchObject({
        origin: "dns.blockEncryptedDns",
        match: { ports: [{ from: 443, to: 443 }], protocol },
        path: { kind: "block" },
      });
      expect(rule?.match.destinations).toEqual(expect.arrayContaining(["1.1.1.1/32", "9.9.9.9/32", "8.8.8.8/32"]));
    }
    expect(own?.origin).toBe("rules/0");
    expect(others).toEqual([]);
    expect(flows("servers: [10.0.0.53]").map(({ origin }) => origin)).toEqual(["rules/0"]);
  });

  test("every address of a public resolver is a canonical prefix, and none holds another", () => {
    const prefixes = HTTPS_RESOLVERS.map((text) => parsePrefix(text));
    for (const [index, prefix] of prefixes.entries()) {
      if (prefix === undefined) throw new Error(`${HTTPS_RESOLVERS[index]} is no prefix`);
      expect(renderPrefix(canonicalPrefix(prefix))).toBe(HTTPS_RESOLVERS[index]);
      const holders = prefixes.filter((other) => other !== undefined && prefixContains(other, prefix));
      expect(holders, HTTPS_RESOLVERS[index]).toHaveLength(1);
    }
  });

  test("the default's path when none is named", () => {
    expect(policyOf(dns("servers: [10.0.0.53]")).layers[0]?.dns?.path).toEqual(A);
    expect(policyOf(dns("servers: [10.0.0.53]", "default: { via: direct }")).layers[0]?.dns?.path).toEqual(DIRECT);
  });

  test("none without the section", () => {
    expect(policyOf(`${TUNNELS}default: { via: direct }`).layers[0]).toMatchObject({ dns: null, bootstrapDns: [] });
  });

  test("a server the tunnel's peers do not take cannot work, and is said", () => {
    const { notes } = expandText(dns("servers: ['2001:db8::53'], via: a"));
    expect(notes.map(({ path }) => path)).toContain("dns.servers.0");
  });

  test("a server inside what the tunnel takes needs no word", () => {
    const { notes } = expandText(dns("servers: [10.0.0.53], via: a"));
    expect(notes.map(({ path }) => path)).not.toContain("dns.servers.0");
  });
});

describe("S4.13: rules by users alone", () => {
  const matches = (text: string, facts = {}) =>
    policyOf(withRules(text), facts).steering.rules.map(({ origin, match }) => [origin, match]);
  const OPEN = [{ from: 1001, to: 1001 }];

  test("ask for the class of the socket, and for the user of a socket without one", () => {
    const [known, bare, ...more] = matches("{ users: [bob], ports: [80], via: a }");
    expect(known).toMatchObject(["rules/0", { classes: { in: [expect.any(Number)] } }]);
    expect(bare).toMatchObject(["rules/0", { uids: OPEN, classes: { in: [UNCLASSIFIED] } }]);
    expect(more).toEqual([]);
  });

  test("with the kill switch, what the kernel sends without a socket takes the strictest path of them all", () => {
    const text = `${TUNNELS}rules: [{ users: [bob], via: direct }, { users: [alice], ports: [80], via: a, fallback: direct }, { users: [backup], via: b }]
default: { via: direct }
killSwitch: {}`;
    const rules = policyOf(text).steering.rules.filter(({ origin }) => origin.endsWith("without a class"));
    expect(rules.map(({ match, path }) => [match, path])).toEqual([
      [{ ports: [{ from: 80, to: 80 }], classes: { in: [ORPHANED] } }, A],
      [{ classes: { in: [ORPHANED] } }, B],
    ]);
  });

  test("are best-effort without a classifier", () => {
    const levels = (path: string) =>
      expandText(withRules(`{ users: [bob], via: ${path} }`), WITHOUT_CLASSIFIER).notes.flatMap(({ enforcement }) =>
        enforcement === undefined ? [] : [enforcement],
      );
    expect(["a", "block", "direct"].map(levels)).toEqual([["best-effort"], ["best-effort"], ["best-effort"]]);
    expect(matches("{ users: [bob], via: a }", WITHOUT_CLASSIFIER)).toEqual([["rules/0", { uids: OPEN }]]);
  });

  test("of more kinds of users than a classifier holds are known by the socket, and that is said", () => {
    const rules = Array.from({ length: 65 }, (_, index) => `{ users: ['${2000 + 2 * index}'], via: block }`);
    const { notes, unsupported } = expandText(withRules(rules.join(", ")));
    expect(unsupported).toEqual([]);
    expect(notes).toContainEqual({
      path: "rules",
      enforcement: "best-effort",
      message: expect.stringMatching(/^too many users to classify: /),
    });
    expect(matches(rules.join(", "))[0]).toEqual(["rules/0", { uids: [{ from: 2000, to: 2000 }] }]);
  });
});

describe("S4.16: the rates of rules", () => {
  const PRIORITY = "rules.0.limit.priority";
  const limit = "limit: { download: 10mbit, upload: 500kbit }";

  test("each part of a rule has them, in bits a second; a rule that drops has none", () => {
    const { rules } = policyOf(
      withRules(`{ protocol: [tcp, udp], ports: [80], via: a, ${limit} }, { ports: [81], via: block, ${limit} }`),
    ).steering;
    expect(rules.map((rule) => rule.limit)).toEqual([
      { download: 10e6, upload: 500e3 },
      { download: 10e6, upload: 500e3 },
      undefined,
    ]);
  });

  test("a priority is in force, and its note says whether the uplink's queue sorts by it", () => {
    const text = "rules: [{ ports: [80], via: direct, limit: { priority: low } }]\ndefault: { via: direct }\n";
    expect(policyOf(text).steering.rules[0]?.limit).toEqual({ priority: "low" });
    const noteFor = (queue: string) =>
      expandText(text, { devices: [{ name: "eth0", mtuBytes: 1500, queue }] }).notes.find(
        ({ path }) => path === PRIORITY,
      );
    expect(noteFor("pfifo_fast")).toEqual({
      path: PRIORITY,
      message: "sorts packets in the uplink's queue",
      enforcement: "best-effort",
    });
    expect(noteFor("fq_codel")).toMatchObject({
      message: "no effect: the queue of eth0 (fq_codel) does not sort by priority",
      isWarning: true,
    });
  });

  test("a kernel without them is refused", () => {
    const { unsupported } = expandText(withRules(`{ ports: [80], via: a, ${limit} }`), { rates: { filter: false } });
    expect(unsupported).toEqual([
      { path: "rules.0.limit", message: "this kernel's nf_tables has no limit (CONFIG_NFT_LIMIT)" },
    ]);
  });

  test("they need the packet filter, also without a tunnel", () => {
    const text = `rules: [{ ports: [80], via: direct, ${limit} }]\ndefault: { via: direct }\n`;
    expect(policyOf(text).steering.rules[0]?.limit).toEqual({ download: 10e6, upload: 500e3 });
  });
});
