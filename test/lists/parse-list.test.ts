import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_LIST_ENTRIES } from "../../src/lists/list-content.ts";
import { parseList } from "../../src/lists/parse-list.ts";
import { AwgError } from "../../src/model/error.ts";
import { SEED } from "../support/seeded.ts";

describe("lists of destinations", () => {
  test("prefixes, addresses, domains and comments, one a line", () => {
    const text =
      "# office\n10.0.0.0/9\n10.128.0.0/9 # joined\r\n\n192.0.2.1 ; host\n2001:DB8::/32\nCorp.Example // all\nfull:www.example\nkeyword:shop\n*.other.example\n";
    expect(parseList("/l", text)).toEqual({
      prefixes: ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"],
      domains: [
        { kind: "suffix", name: "corp.example" },
        { kind: "exact", name: "www.example" },
        { kind: "keyword", name: "shop" },
        { kind: "suffix", name: "other.example" },
      ],
    });
  });

  test("sing-box's rule-set source", () => {
    const rules = [
      { domain: ["a.example"], domain_suffix: [".b.example"], ip_cidr: ["192.0.2.0/24", "2001:db8::1"] },
      { domain_keyword: "shop" },
    ];
    expect(parseList("/l.json", JSON.stringify({ version: 3, rules }))).toEqual({
      prefixes: ["192.0.2.0/24", "2001:db8::1/128"],
      domains: [
        { kind: "exact", name: "a.example" },
        { kind: "suffix", name: "b.example" },
        { kind: "keyword", name: "shop" },
      ],
    });
  });

  test.each([
    ["10.0.0.0/8\n10.0.0.1/8\n", '/l:2: "10.0.0.1/8" has address bits set after its length'],
    ["\n\nregexp:^a$\n", '/l:3: "regexp" is no form of an entry'],
    ["10.0.0.0/33\n", '/l:1: "10.0.0.0/33" is neither a prefix nor a domain name'],
    ["a b\n", '/l:1: "a b" is neither a prefix nor a domain name'],
    ["\u0000\u001b[2J\n", '/l:1: "??[2J" is neither a prefix nor a domain name'],
    ["# nothing\n", "/l: the list is empty"],
    ['{ "rules": [ { "port": [1] } ] }', '/l: rules[0]: the key "port" is not supported in a list'],
    ['{ "rules": [ { "ip_cidr": [1] } ] }', "/l: rules[0].ip_cidr: an entry is not a text"],
    ['{ "rules": 1 }', "/l: the rule set has no list of rules"],
    ['{\n "rules": [\n}', "the list begins as JSON and is not JSON"],
  ])("an error names the place: %j", (text, message) => {
    expect(() => parseList("/l", text)).toThrow(message);
  });

  test("a list is bounded", () => {
    const text = "192.0.2.1\n".repeat(MAX_LIST_ENTRIES + 1);
    expect(() => parseList("/l", text)).toThrow(`/l:${MAX_LIST_ENTRIES + 1}: the list has more than`);
  });

  test("any rule set gives a list or an error with a place", () => {
    const key = fc.constantFrom(
      "domain",
      "domain_suffix",
      "domain_keyword",
      "ip_cidr",
      "port",
      "__proto__",
      "toString",
    );
    const entry = fc.oneof(fc.domain(), fc.ipV4(), fc.constant("192.0.2.0/24"), fc.string(), fc.jsonValue());
    const rule = fc.oneof(
      fc.record({ domain_suffix: fc.array(fc.domain(), { minLength: 1 }), ip_cidr: fc.ipV4() }),
      fc.dictionary(key, fc.oneof(entry, fc.array(entry, { maxLength: 4 })), { maxKeys: 3 }),
    );
    const ruleSet = fc.record({
      version: fc.jsonValue(),
      rules: fc.oneof(fc.array(rule, { maxLength: 4 }), fc.jsonValue()),
    });
    const cut = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
    let lists = 0;
    fc.assert(
      fc.property(ruleSet, cut, (value, part) => {
        const text = JSON.stringify(value);
        try {
          parseList("/l", text.slice(0, Math.ceil(text.length * part)));
          lists += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(AwgError);
          expect((error as Error).message).toMatch(/^\/l/);
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
    expect(lists).toBeGreaterThan(30);
  });

  test("any text gives a list or an error with a place", () => {
    const line = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant("{"), fc.constant("10.0.0.0/8"));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          parseList("/l", lines.join("\n"));
        } catch (error) {
          expect(error).toBeInstanceOf(AwgError);
          expect((error as Error).message).toMatch(/^\/l/);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
