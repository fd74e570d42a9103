import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { schemaCheck } from "../support/json-schema.ts";
import { readCases } from "./case-book.ts";

const misfits = schemaCheck(configJsonSchema());
const errorsOf = (text: string) =>
  loadConfig([{ name: "a.yaml", text, mode: 0o600 }]).problems.filter(({ severity }) => severity === "error");

/** Bad configurations whose YAML any reader accepts; what YAML itself refuses is no matter of a schema. */
const bad = readCases().filter(({ book, yaml }) => book !== "yaml.md" && errorsOf(yaml).length > 0);

/** What JSON Schema cannot express, by the id of the problem. */
const BEYOND_SCHEMA: Readonly<Record<string, string>> = {
  "duration-range": "ends of a range compared",
  "port-reversed": "ends of a range compared",
  "prefix-host-bits": "bits behind a length",
  "regex-syntax": "another language",
  "pattern-large": "how many states a pattern needs",
  "unknown-resource": "a name elsewhere",
  "ignore-pointer": "a name elsewhere",
  "conflict-field": "a name elsewhere",
  "moved-tunnel": "a name elsewhere",
  "unknown-tunnel": "a name elsewhere",
  "failover-self": "a name elsewhere",
  "obfuscation-header-overlap": "values of two keys compared",
  "obfuscation-junk-reversed": "values of two keys compared",
  "obfuscation-size-collision": "values of two keys compared",
  "obfuscation-tag": "another language",
  "obfuscation-version-conflict": "the version that parameters imply",
  "obfuscation-version": "the version that parameters imply",
  "rule-not-ports": "how often a match is turned round",
  "duplicate-probe-name": "values of two items compared",
  "duplicate-rule-name": "values of two items compared",
  "duplicate-peer": "values of two items compared",
  "duplicate-allowed-prefix": "values of two items compared",
  "duplicate-interface": "values of two items compared",
  "duplicate-listen-port": "values of two items compared",
};

describe("the schema of editors", () => {
  test.each(bad)("refuses $book: $title, unless no schema could", ({ yaml }) => {
    const ids = new Set(errorsOf(yaml).map(({ id }) => id));
    const beyond = [...ids].filter((id) => BEYOND_SCHEMA[id] !== undefined);
    if (misfits(parse(yaml)).length === 0) expect([...ids]).toEqual(beyond);
  });

  test("refuses most of the bad configurations", () => {
    const refused = bad.filter(({ yaml }) => misfits(parse(yaml)).length > 0);
    expect([refused.length, bad.length]).toEqual([83, 110]);
  });
});

/** Values that awg accepts in a field, to be changed at random. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  prefix: ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::/0", "::ffff:192.0.2.1", "fe80::1/128", "0.0.0.0/0"],
  address: ["192.0.2.1/32", "fd00:8::2/128", "10.8.0.2", "1:2:3:4:5:6:7:8/64"],
  endpoint: ["vpn.example.com:51820", "192.0.2.1:1", "[2001:db8::1]:65535", "a:1", "xn--bcher-kva.example.:443"],
  ports: ["443", "8000-8999", "1-65535", "00443"],
  seconds: ["25", "25s", "20-30s", "1m-2m", "0", "1000ms", "2h", "0.5m"],
  duration: ["0.2", "200ms", "1m", "60", "60s", "0.5s"],
  header: ["1", "1000-2000", "4294967295", "0-0"],
  user: ["alice", "0", "4294967294", "www-data", "1000"],
};

const PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

function configWith(field: string, value: string): object {
  const at = (name: string, fallback: unknown) => (name === field ? value : fallback);
  return {
    apiVersion: "awg/v1",
    tunnels: {
      a: {
        protocol: "amneziawg",
        privateKey: { file: "/k" },
        addresses: [at("address", "10.0.0.1/32")],
        obfuscation: { h1: at("header", 5), version: "3.1" },
        peers: [
          {
            publicKey: PUBLIC,
            endpoint: at("endpoint", "192.0.2.1:1"),
            allowedIPs: [at("prefix", "10.0.0.0/8")],
            persistentKeepalive: at("seconds", 0),
          },
        ],
      },
    },
    rules: [{ users: [at("user", "alice")], ports: [at("ports", 1)], via: "a" }],
    reconcile: { quiet: at("duration", 1) },
    default: { via: "direct" },
  };
}

test.each(Object.keys(FIELDS))("whatever awg accepts as %s, the schema accepts", (field) => {
  const edits = fc.record({
    sample: fc.constantFrom(...(FIELDS[field] ?? [])),
    at: fc.nat(24),
    removed: fc.nat(2),
    added: fc.string({ unit: fc.constantFrom(..."0123456789abf.:/-[]smhd"), maxLength: 2 }),
  });
  fc.assert(
    fc.property(edits, ({ sample, at, removed, added }) => {
      const value = configWith(field, `${sample.slice(0, at)}${added}${sample.slice(at + removed)}`);
      if (errorsOf(JSON.stringify(value)).length === 0) expect(misfits(value)).toEqual([]);
    }),
    { numRuns: 300, seed: 20 },
  );
});
