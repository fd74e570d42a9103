import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { isPrintableLine } from "../../src/model/text/printable.ts";
import { sampleConfig, THIRD_PEER_KEY } from "../support/config.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const HEAD = sampleConfig("default: { via: direct }\n");
const load = (text: string) => loadConfig([{ name: "a.yaml", text }]);
const ids = (text: string) => [...new Set(load(text).problems.map(({ id }) => id))];

/** Whatever a text does to prototypes shows here: with them frozen a write throws, and keys are compared after. */
let keysBefore: PropertyKey[];
beforeAll(() => {
  keysBefore = Reflect.ownKeys(Object.prototype);
  Object.freeze(Object.prototype);
  Object.freeze(Array.prototype);
});
afterAll(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(keysBefore);
});

const bomb = `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
`;

describe("texts that want more than they are", () => {
  test.each<[string, () => string, string]>([
    ["a bomb of aliases", () => bomb, "yaml-too-many-values"],
    ["many aliases", () => `a: &a x\nb: [${"*a,".repeat(200)}]\n`, "yaml-alias-too-many"],
    ["10,000 brackets", () => `${"[".repeat(10_000)}${"]".repeat(10_000)}`, "yaml-too-deep"],
    ["10,000 open brackets", () => "[".repeat(10_000), "yaml-too-deep"],
    ["10,000 braces", () => `a: ${"{a: ".repeat(10_000)}`, "yaml-too-deep"],
    ["10,000 dashes", () => "- ".repeat(10_000), "yaml-too-deep"],
    ["10,000 question marks", () => "? ".repeat(10_000), "yaml-too-deep"],
    [
      "10,000 keys in keys",
      () => Array.from({ length: 700 }, (_, i) => `${" ".repeat(i)}a:\n`).join(""),
      "yaml-too-deep",
    ],
    ["50 MB", () => `a: ${"x".repeat(50 * 1024 * 1024)}`, "file-too-large"],
    ["1 MiB in bytes but not in characters", () => `a: "${"ü".repeat(600_000)}"`, "file-too-large"],
    ["400,000 values", () => `a: [${"1,".repeat(400_000)}]`, "yaml-too-many-values"],
    [
      "200,000 small keys",
      () => Array.from({ length: 120_000 }, (_, i) => `${i.toString(36)}: 1\n`).join(""),
      "yaml-too-many-values",
    ],
    ["NUL", () => `${HEAD}name: "a\0b"\n`, "file-not-text"],
    ["a lone surrogate", () => `${HEAD}name: "a\uD800b"\n`, "file-not-text"],
    ["an alias of itself", () => "a: &a { b: *a }\n", "yaml-alias-cycle"],
    ["a tag that runs code elsewhere", () => `${HEAD}name: !!python/object/apply:os.system [ls]\n`, "yaml-tag"],
    ["__proto__", () => `${HEAD}__proto__: { polluted: true }\n`, "prototype-key"],
    [
      "a deep constructor",
      () => `${HEAD}killSwitch: { constructor: { prototype: { polluted: true } } }\n`,
      "prototype-key",
    ],
    [
      "__proto__ as a tunnel",
      () => `${HEAD}tunnels: { __proto__: { protocol: http, server: "a:1" } }\n`,
      "prototype-key",
    ],
    ["toString as a tunnel", () => `${HEAD}tunnels: { toString: { protocol: http, server: "a:1" } }\n`, "tunnel-name"],
    ["hasOwnProperty as a key", () => `${HEAD}hasOwnProperty: 1\n`, "unknown-key"],
    ["a merge key", () => `${HEAD}<<: { killSwitch: {} }\n`, "yaml-merge-key"],
    ["an octal number of 1.1", () => `${HEAD}reconcile: { quiet: 012 }\n`, "number-leading-zero"],
    ["1e400", () => `${HEAD}reconcile: { quiet: 1e400 }\n`, "number-not-finite"],
    [".inf", () => `${HEAD}reconcile: { quiet: .inf }\n`, "number-not-finite"],
    [".nan", () => `${HEAD}reconcile: { quiet: .nan }\n`, "number-not-finite"],
    ["a boolean of 1.1", () => `${HEAD}killSwitch: { enabled: on }\n`, "yaml-boolean"],
    ["YAML 1.1 asked for", () => `%YAML 1.1\n---\n${HEAD}`, "yaml-directive"],
  ])("%s is refused", (_what, text, id) => {
    const { config, problems } = load(text());
    expect(config).toBeUndefined();
    expect(problems.map((problem) => problem.id)).toContain(id);
    expect(problems.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true);
  });

  test("what is said of a text that a terminal would act on is on one line, suggestions too", () => {
    const tunnel = "{ protocol: http, server: 192.0.2.1:3128 }";
    const text = sampleConfig(`tunnels: { "w\\nlt": ${tunnel} }\ndefault: { via: wlt }\n`);
    const said = load(text).problems.map(({ message, remedy }) => `${message}; ${remedy}`);
    expect(said).toContain('unknown tunnel "wlt"; did you mean w\\u000alt?');
    expect(said.filter((one) => !isPrintableLine(one))).toEqual([]);
  });

  test("sexagesimal, dates and hexadecimal are exactly what YAML 1.2 says", () => {
    expect(ids(`${HEAD}name: 22:22\n`)).toEqual([]);
    expect(ids(`${HEAD}name: 2026-11-21\n`)).toEqual([]);
    expect(
      load(`${HEAD}tunnels: { a: { protocol: http, server: "a:1" } }\nrules: [{ ports: [0x50], via: a }]\n`).config
        ?.rules[0]?.ports,
    ).toEqual([{ from: 80, to: 80 }]);
  });

  test("a byte order mark and CRLF change nothing", () => {
    const { config } = load(HEAD);
    expect(config).toBeDefined();
    expect(load(`\uFEFF${HEAD.replaceAll("\n", "\r\n")}`).config).toEqual(config);
  });

  test("10,000 prefixes and 1,000 rules are no attack", () => {
    const prefixes = Array.from({ length: 10_000 }, (_, i) => `        - 10.${i >> 8}.${i & 255}.0/24\n`).join("");
    const rules = Array.from({ length: 1_000 }, (_, i) => `  - { apps: [app${i}], ports: [443], via: a }\n`).join("");
    const peer = `      - publicKey: ${THIRD_PEER_KEY}\n        allowedIPs:\n`;
    const tunnel = `tunnels:\n  a:\n    protocol: wireguard\n    listenPort: 1\n    privateKey: { file: /k }\n    peers:\n${peer}${prefixes}`;
    const { config, problems } = load(`${HEAD}${tunnel}rules:\n${rules}`);
    expect(problems).toEqual([]);
    expect(config?.rules).toHaveLength(1_000);
  });
});

describe("any text", () => {
  const words = fc.constantFrom(
    ...["apiVersion", "awg/v1", "tunnels", "rules", "default", "via", "direct", "killSwitch", "peers", "publicKey"],
    ...["protocol", "wireguard", "apps", "ports", "destinations", "10.0.0.0/8", "*a", "&a", "!!str", "<<", "__proto__"],
    ...[
      ": ",
      "- ",
      "\n",
      "\n  ",
      "\n    ",
      "{",
      "}",
      "[",
      "]",
      ",",
      "'",
      '"',
      "#",
      "|",
      ">",
      "?",
      "---",
      "%",
      "\t",
      "~",
    ],
    ...["0", "1e9", "012", "true", "yes", "null", "\r\n", "\u2028", "\uFEFF", "ü", "👋", "\\"],
  );
  const soup = fc.array(words, { maxLength: 60 }).map((parts) => parts.join(""));

  test("law 7: never throws, and gives a configuration only without errors", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          soup,
          fc.string({ unit: "binary", maxLength: 200 }),
          soup.map((text) => HEAD + text),
        ),
        (text) => {
          const { config, problems } = load(text);
          const hasErrors = problems.some(({ severity }) => severity === "error");
          expect(config === undefined).toBe(hasErrors);
          for (const problem of problems)
            expect(renderProblem(problem, { color: true, excerpt: true })).toContain("a.yaml:");
        },
      ),
      { seed, numRuns: 400 },
    );
  });
});

describe("keys that stand where none is known", () => {
  const messages = (text: string) =>
    load(text).problems.map((problem) => renderProblem(problem, { color: false, excerpt: true }));
  test.each([
    ["a line of /etc/shadow", "root:$6$Canary$Zk9:20228:0:99999:7::"],
    ["a token", "CANARY7f3a9b2c4d5e6f708192a3b4c5d6e7f8"],
    ["a key in base64", '"CANARYaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa="'],
  ])("%s is not shown: the file may not be meant as a config", (_what, key) => {
    const reported = messages(`${HEAD}${key}: x\nrules: [{ destinations: [{ ${key}: x }], via: direct }]\n`);
    expect(reported.join("\n")).toMatch(/characters, not shown/);
    expect(reported.join("\n")).not.toMatch(/canary/i);
  });

  const secret = "cANARYp0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSY=";
  const hex = Buffer.from(secret, "base64").toString("hex");
  test.each([
    `endpoint: "${secret}:51820"`,
    `default: { via: "${secret}" }`,
    `privateKey: &${secret} x`,
    `privateKey: !${secret} x`,
    `privateKey: *${secret}`,
    `"${secret}": {}`,
    `name: "${hex}"`,
    `rules: [{ destinations: ["${hex}"], via: direct }]`,
  ])("law 8: a key in the wrong place is not shown, in the message neither: %#", (line) => {
    const { problems } = load(sampleConfig(`${line}\n`));
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toMatch(new RegExp(`${secret.slice(0, 12)}|${hex.slice(0, 12)}`));
  });

  test("of one that only looks like a known one the odd letter is named", () => {
    expect(messages(`${HEAD}"kill\u200bSwitch": {}\n`).join()).toContain('unknown key "kill\\u200bSwitch"; did you');
    expect(messages(`${HEAD}kilSwitch: {}\n`).join()).toContain('unknown key "kilSwitch"; did you mean killSwitch?');
  });
});
