import { describe, expect, test } from "vitest";
import { policyLines } from "../../../src/cli/views/resource/policy-lines.ts";
import { rewritesSources } from "../../../src/model/firewall/policy.ts";
import { intersectMatches } from "../../../src/resources/expand/fallback/match-intersection.ts";
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
