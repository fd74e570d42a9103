import { describe, expect, test } from "vitest";
import { policyLines } from "../../../src/cli/views/resource/policy-lines.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { rewritesSources } from "../../../src/model/firewall/policy.ts";
import { intersectMatches } from "../../../src/resources/expand/fallback/match-intersection.ts";
import { sampleConfig } from "../../support/config.ts";
import { expandText, KEY_A, KEY_B, resourceOf } from "../sample.ts";

const TUNNELS = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
  b: { protocol: wireguard, privateKey: { file: /b }, addresses: [10.0.0.2/32], peers: [{ publicKey: ${KEY_B}, endpoint: "198.51.100.8:1", allowedIPs: [0.0.0.0/0] }] }
default: { via: direct }
dns: { servers: [192.0.2.53], via: direct, grace: 10s }
`;
const expandRules = (rules: string) => expandText(`${TUNNELS}rules: [${rules}]\n`);
const rulesOf = (rules: string) => resourceOf(expandRules(rules), "firewall/machine").spec.steering.rules;

describe("rules by domain", () => {
  const both = "{ destinations: [{ domain: corp.example }, { domain: { keyword: shop } }, 10.5.0.0/16], via: a }";

  test("become prefixes and one dynamic set, with the same name in the resolver", () => {
    const expansion = expandRules(both);
    const { spec } = resourceOf(expansion, "firewall/machine");
    const sets = spec.steering.rules.map(({ match }) => match.sets);
    const service = resourceOf(expansion, "resolver/machine").spec.service;
    expect(sets).toEqual([undefined, [expect.stringMatching(/^names-[0-9a-f]{12}$/)]]);
    expect(service).toEqual({
      listen: "127.0.0.97",
      servers: ["192.0.2.53"],
      sets: [
        {
          set: sets[1]?.[0],
          domains: [
            { kind: "suffix", name: "corp.example" },
            { kind: "keyword", name: "shop" },
          ],
        },
      ],
      graceSeconds: 10,
    });
    expect(rewritesSources(spec)).toBe(true);
    expect(expansion.unsupported).toEqual([]);
    expect(policyLines(spec, 9).join("\n")).toContain("rules.0: to its domains → a");
  });

  test("have no policy rule: the kernel's first lookup knows no names", () => {
    const { rules } = resourceOf(
      expandRules("{ destinations: [{ domain: corp.example }], via: a }"),
      "routes/policy",
    ).spec;
    expect(
      rules.filter(({ preference, table }) => preference >= 10_200 && preference < 10_900 && table !== 254),
    ).toEqual([]);
  });

  test("the same names have the same set, other names another", () => {
    const named = (names: string) =>
      rulesOf(`{ destinations: [${names}], via: a }`).flatMap(({ match }) => match.sets ?? []);
    expect(named("{ domain: a.example }")).toEqual(named("{ domain: { suffix: A.example } }"));
    expect(named("{ domain: a.example }")).not.toEqual(named("{ domain: { exact: a.example } }"));
  });

  test.each([
    ["{ not: { destinations: [{ domain: a.example }] }, via: a }", "not cannot hold domains"],
    [
      "{ all: [{ destinations: [{ domain: a.example }] }, { destinations: [10.0.0.0/8] }], via: a }",
      "all cannot combine domains with other destinations",
    ],
  ])("what no set can say is refused: %s", (rule, message) => {
    expect(expandRules(rule).unsupported).toContainEqual({
      path: "rules.0",
      message: expect.stringContaining(message),
    });
  });

  test("an invariant cannot name domains, and is never taken for proven", () => {
    const text = `${TUNNELS}invariants: [{ never: { destinations: [{ domain: bank.example }], via: direct } }]\n`;
    expect(expandText(text).unsupported).toEqual([expect.objectContaining({ path: "invariants.0" })]);
  });

  test("the next rule is a fallback only where both rules name the same place", () => {
    const [names, prefixes] = [{ sets: ["names-a"] }, { destinations: ["10.0.0.0/8"] }];
    expect(intersectMatches(names, { protocol: 6 })).toEqual({ ...names, protocol: 6 });
    expect(intersectMatches(names, names)).toEqual(names);
    expect(intersectMatches(names, prefixes)).toBe(undefined);
    expect(intersectMatches(prefixes, { sets: ["names-b"] })).toBe(undefined);
    expect(intersectMatches(names, { sets: ["names-b"] })).toBe(undefined);
  });
});

test("search domains are set at the system resolver", () => {
  const text = TUNNELS.replace("grace: 10s", "search: [Corp.Example.]");
  expect(resourceOf(expandText(text), "resolver/machine").spec.search).toEqual(["corp.example"]);
});

test("validate warns of names that no server could resolve, in the words of the plan", () => {
  const more = "rules: [{ destinations: [{ domain: corp.example }], via: a }]\n";
  const text = `${TUNNELS.replace(/^dns: .*$/m, "")}${more}`;
  const { problems } = loadConfig([{ name: "a.yaml", text: sampleConfig(text), mode: 0o600 }], { refusedOn: "linux" });
  const [refused] = expandText(text).unsupported;
  expect(refused).toEqual({
    path: "rules.0.destinations",
    message: "a domain needs dns.servers, which awg queries",
  });
  expect(problems.map(({ id, message }) => [id, message])).toContainEqual([
    "refused-by-plan",
    `${refused?.path}: ${refused?.message}`,
  ]);
});

describe("the servers of tunnels", () => {
  const own = TUNNELS.replace("addresses: [10.0.0.1/32],", "addresses: [10.0.0.1/32], dns: [10.0.0.53],");
  const serviceOf = (rules: string) =>
    resourceOf(expandText(`${own}rules: [${rules}]\n`), "resolver/machine").spec.service;

  test("resolve the names of the tunnel's rules, and are reached by it alone", () => {
    const expansion = expandText(`${own}rules: [{ destinations: [{ domain: corp.example }], via: a }]\n`);
    const { spec } = resourceOf(expansion, "firewall/machine");
    const rules = spec.steering.rules.filter(({ origin }) => origin === "tunnels/a/dns");
    expect(rules.map(({ match, path }) => [match.destinations, match.protocol, path])).toEqual([
      [["10.0.0.53/32"], 17, { kind: "tunnel", device: "awg-a", number: 1 }],
      [["10.0.0.53/32"], 6, { kind: "tunnel", device: "awg-a", number: 1 }],
    ]);
    expect(spec.layers[0]?.dns?.ofTunnels).toEqual(["10.0.0.53"]);
    const service = resourceOf(expansion, "resolver/machine").spec.service;
    expect(service?.rules).toEqual([{ sets: service?.sets.map(({ set }) => set), servers: ["10.0.0.53"] }]);
    expect(service?.listeners).toBe(undefined);
  });

  test("resolve all names of a program of such a rule, in the order of the rules", () => {
    const rules = [
      "{ apps: [{ path: /bin/direct }], via: direct }",
      "{ destinations: [{ domain: corp.example }], via: b }",
      "{ apps: [{ path: /bin/a }], destinations: [10.9.0.0/16], via: b }",
      "{ apps: [{ path: /bin/a }], ports: [25], protocol: tcp, via: block }",
      "{ apps: [{ path: /bin/a }], via: a }",
    ];
    const service = serviceOf(rules.join(", "));
    const sets = service?.sets.map(({ set }) => set);
    expect(service?.rules).toBe(undefined);
    expect(service?.listeners).toEqual([
      {
        listen: "127.0.98.1",
        classes: [expect.any(Number)],
        rules: [{ sets, servers: [] }, { servers: ["10.0.0.53"] }],
      },
    ]);
  });

  test("need servers for other names, and one path each", () => {
    const alone = own.replace(/^dns: .*$/m, "");
    expect(expandText(alone).unsupported).toMatchObject([{ path: "tunnels.a.dns" }]);
    const twice = own.replace("addresses: [10.0.0.2/32],", "addresses: [10.0.0.2/32], dns: [10.0.0.53],");
    expect(expandText(twice).unsupported).toEqual([
      { path: "tunnels.b.dns.0", message: "10.0.0.53 is a server of a too; one address has one path" },
    ]);
    expect(expandText(own.replace("[10.0.0.53]", "[192.0.2.53]")).unsupported).toMatchObject([
      { path: "tunnels.a.dns.0" },
    ]);
  });

  test("a note names the remedy where programs ask systemd-resolved by its bus", () => {
    const text = `${own}rules: [{ apps: [{ path: /bin/a }], via: a }]\n`;
    const noteOf = (facts: object) => expandText(text, facts).notes.find(({ path }) => path === "dns");
    expect(noteOf({})).toMatchObject({ enforcement: "enforced" });
    expect(noteOf({ asksResolved: true })).toMatchObject({
      enforcement: "best-effort",
      isWarning: true,
      message: expect.stringContaining("remove resolve from the hosts line of /etc/nsswitch.conf"),
    });
  });
});
