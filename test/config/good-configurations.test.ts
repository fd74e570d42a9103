import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { isNoiseTunnel } from "../../src/config/config.ts";
import { reservedKeysUsed } from "../../src/config/feature/reserved-keys.ts";
import { FEATURES, type Feature } from "../../src/config/feature/support.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { sampleConfig } from "../support/config.ts";
import { schemaCheck } from "../support/json-schema.ts";
import { readCases } from "./case-book.ts";

const FOLDER = fileURLToPath(new URL("../cases-config/good/", import.meta.url));
const misfits = schemaCheck(configJsonSchema());
const names = readdirSync(FOLDER).filter((name) => name.endsWith(".yaml"));
const read = (name: string) => readFileSync(FOLDER + name, "utf8");
const load = (text: string) => loadConfig([{ name: "a.yaml", text, mode: 0o644 }]);

describe.each(names)("%s", (name) => {
  const { config, problems } = load(read(name));

  test("has no problem", () => {
    expect(problems).toEqual([]);
  });

  test("is read as expected", async () => {
    await expect(`${JSON.stringify(config, undefined, 2)}\n`).toMatchFileSnapshot(
      FOLDER + name.replace(".yaml", ".json"),
    );
  });

  test("is plain JSON data", () => {
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  });

  test("fits the published schema", () => {
    expect(misfits(parse(read(name)))).toEqual([]);
  });

  test("means the same as JSON, and with its keys in another order", () => {
    expect(load(JSON.stringify(parse(read(name)))).config).toEqual(config);
    expect(load(JSON.stringify(reversed(parse(read(name))))).config).toEqual(config);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, one]) => [key, reversed(one)]),
  );
}

describe("the published schema", () => {
  /** What only two keys together show, or what JSON Schema cannot say about a text. */
  const structural = [
    "unknown-key",
    "missing-key",
    "wrong-type",
    "list-empty",
    "yaml-boolean",
    "api-version",
    "not-one-of",
  ];

  test.each(readCases().filter(({ title }) => structural.some((id) => title === id || title.startsWith(`${id}: `))))(
    "refuses $book: $title",
    ({ yaml, title }) => {
      if (title.includes("country") || title.includes("top")) return;
      expect(misfits(parse(yaml))).not.toEqual([]);
    },
  );

  test("refuses nothing that is read without a problem or only warned about", () => {
    const accepted = readCases().filter(({ yaml }) => load(yaml).config !== undefined);
    expect(accepted.length).toBeGreaterThan(10);
    for (const { yaml, title } of accepted) expect(misfits(parse(yaml)), title).toEqual([]);
  });
});

describe("features a machine may lack", () => {
  test("each has a stable name, and everything.yaml with client.yaml and server.yaml uses each", () => {
    const used = new Set<Feature>(
      names.flatMap((name) => {
        const { config } = load(read(name));
        return config === undefined ? [] : reservedKeysUsed(config).map(({ feature }) => feature);
      }),
    );
    const unused = FEATURES.filter((feature) => !used.has(feature));
    expect(unused).toEqual([
      "tunnel.engine.embedded",
      "tunnel.engine.kernel",
      "match.glob",
      "dns.encrypted",
      "probe.direct",
    ]);
  });

  test("paths lead to what uses them", () => {
    const { config } = load(read("everything.yaml"));
    if (config === undefined) throw new Error("everything.yaml is not valid");
    const uses = reservedKeysUsed(config).map(({ path, feature }) => `${path} ${feature}`);
    expect(uses).toContain("rules.0.limit rule.limit");
    expect(uses).toContain("tunnels.a.enabled tunnel.disabled");
    expect(uses).toContain("rules.0.destinations.1 match.geoip");
    expect(uses).toContain("invariants.0.always invariants.always");
  });

  test("a plain tunnel uses none", () => {
    const { config } = load(sampleConfig("default: { via: direct }\nrules: [{ ports: 1, via: direct }]\n"));
    expect(config && reservedKeysUsed(config)).toEqual([]);
  });

  test("tunnels and proxies are distinct", () => {
    const { config } = load(read("client.yaml"));
    expect(isNoiseTunnel(config?.tunnels["office"])).toBe(true);
    expect(isNoiseTunnel(config?.tunnels["proxy"])).toBe(false);
    expect(isNoiseTunnel(undefined)).toBe(false);
  });
});
