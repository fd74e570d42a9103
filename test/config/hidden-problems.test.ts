import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { readCases } from "./case-book.ts";

/** What a second mistake elsewhere in the file does to a case. */
const MISTAKES: Readonly<Record<string, (yaml: string) => string>> = {
  "without default": (yaml) => yaml.replace(/^default: .*\n/m, ""),
  "with an unknown key": (yaml) => `${yaml}colour: blue\n`,
  "with a wrong type": (yaml) => `${yaml}ipv6: [7]\n`,
  "with a tunnel whose keys are missing": (yaml) =>
    yaml.replace(/^tunnels:\n/m, "tunnels:\n  x: { protocol: wireguard }\n"),
  "without a private key": (yaml) => yaml.replace(/^ +privateKey: \{ file: .*\n/m, ""),
  "with a bad name": (yaml) => yaml.replace(/^ {2}a:$/m, "  A_bad:"),
  "with a bad parameter": (yaml) => yaml.replace("obfuscation: { ", "obfuscation: { itime: soon, "),
};

/** Problems about paths and names, which need the default and the tunnel's own name. */
const OF_PATHS =
  /default|duplicate-interface|kill-switch-unstated|rule-direct-by-name|unknown-tunnel|moved-tunnel|unknown-resource|dns-path|tunnel-without|failover/;

/** Warnings that depend on the version, which is found from all parameters. */
const OF_VERSIONS = /obfuscation-(header-low|version|tag-gap)/;

const problemsOf = (text: string) => loadConfig([{ name: "awg.yaml", text, mode: 0o600 }]).problems;
const keyOf = ({ id, message }: { readonly id: string; readonly message: string }) =>
  `${id}: ${message.replace("A_bad", "a")}`;

/** YAML that can be read as a map. */
const cases = readCases().filter(({ book, yaml }) => book !== "yaml.md" && yaml.startsWith("apiVersion"));

describe.each(Object.entries(MISTAKES))("a case %s", (mistake, disturb) => {
  const disturbed = cases.filter(({ yaml }) => disturb(yaml) !== yaml);

  test("there are such cases", () => expect(disturbed.length).toBeGreaterThan(8));

  test.each(disturbed)("law 7: $book: $title reports its problems too", ({ yaml }) => {
    const left = mistake === "with a bad parameter" ? OF_VERSIONS : OF_PATHS;
    const before = problemsOf(yaml).filter(({ id }) => !left.test(id));
    const after = problemsOf(disturb(yaml)).map(keyOf);
    expect(before.map(keyOf).filter((one) => !after.includes(one))).toEqual([]);
  });
});

const HEAD =
  "apiVersion: awg/v1\ntunnels:\n  office: { protocol: wireguard, privateKey: { file: /k }, peers: [{ publicKey: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, endpoint: 192.0.2.1:1, allowedIPs: [ALLOWED] }] }\n";

test("a wrong jc hides nothing about jmin and jmax", () => {
  const tunnel = HEAD.replace("wireguard,", "amneziawg, obfuscation: { jc: 300, jmin: 70, jmax: 40 },");
  const text = `${tunnel.replace("ALLOWED", "10.0.0.0/8")}default: { via: direct }\n`;
  expect(problemsOf(text).map(({ id }) => id)).toEqual(["number-out-of-range", "obfuscation-junk-reversed"]);
});

describe("a second mistake adds nothing wrong", () => {
  test.each(["kilSwitch", "killswitch"])("%s is reported once, as the typo", (key) => {
    const text = `${HEAD.replace("ALLOWED", "0.0.0.0/0")}${key}: { enabled: true }\ndefault: { via: office, fallback: block }\n`;
    expect(problemsOf(text).map(keyOf)).toEqual([`unknown-key: unknown key "${key}"`]);
  });

  test.each([
    ["0.0.0.0/0", "add default: { via: office }"],
    ["10.0.0.0/8", "add default: { via: direct } or { via: office }"],
  ])("a missing default in a tunnel of %s gets a safe remedy", (allowed, remedy) => {
    expect(problemsOf(HEAD.replace("ALLOWED", allowed)).map((one) => one.remedy)).toEqual([remedy]);
  });
});
