import { describe, expect, test } from "vitest";
import { type ConfigSource, type LoadOptions, loadConfig } from "../../src/config/load-config.ts";
import { PROBLEM_CATALOGUE, WARNING_IDS } from "../../src/config/problem-catalogue.ts";
import { sampleConfig } from "../support/config.ts";
import { readCases } from "./case-book.ts";

const HEAD = sampleConfig("default: { via: direct }\n");
const SECRET = "tunnels: { p: { protocol: http, server: a:1, auth: { username: x, password: y } } }\n";

/** What a case book cannot show: several files, permissions, the environment, and what is too much to print. */
const BEYOND_BOOKS: readonly { texts: readonly string[]; mode?: number; options?: LoadOptions }[] = [
  { texts: [`a: ${"x".repeat(2 ** 20)}`] },
  { texts: ["[".repeat(100)] },
  { texts: ["1,".repeat(100_000)] },
  { texts: [`a: &a x\nb: [${"*a,".repeat(200)}]\n`] },
  { texts: [HEAD + Array.from({ length: 300 }, (_, index) => `k${index}: 1\n`).join("")] },
  { texts: [`${HEAD}name: x\n`, "name: y\n"] },
  { texts: [`${HEAD}include: [b]\n`] },
  { texts: [`${HEAD}include: [b]\n`], options: { readInclude: () => ({ name: "0", text: "" }) } },
  { texts: [`${HEAD}include: [b]\n`], options: { readInclude: (name) => ({ name, text: `include: [${name}x]\n` }) } },
  { texts: [HEAD + SECRET], mode: 0o644 },
  { texts: [HEAD], mode: 0o666 },
  { texts: [`${HEAD}update: {}\n`], options: { refusedOn: "linux" } },
];

function idsOf(sources: readonly ConfigSource[], options?: LoadOptions): string[] {
  return loadConfig(sources, options).problems.map(({ id }) => id);
}

describe("the catalogue of problems", () => {
  test("each id is shown by a case, and nothing else is reported", () => {
    const shown = new Set([
      ...readCases().flatMap(({ yaml }) => idsOf([{ name: "a", text: yaml }])),
      ...BEYOND_BOOKS.flatMap(({ texts, mode, options }) => {
        const sources = texts.map((text, index) => ({
          name: String(index),
          text,
          ...(mode === undefined ? {} : { mode }),
        }));
        return idsOf(sources, options);
      }),
    ]);
    expect([...shown].sort()).toEqual(Object.keys(PROBLEM_CATALOGUE).sort());
  });

  test("holds at least 60 ids, each with a sentence", () => {
    const entries = Object.entries(PROBLEM_CATALOGUE);
    expect(entries.length).toBeGreaterThanOrEqual(60);
    for (const [id, meaning] of entries) {
      expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("severity depends on the id alone", () => {
    for (const { yaml } of readCases()) {
      for (const { id, severity } of loadConfig([{ name: "a", text: yaml }]).problems) {
        expect(severity).toBe(WARNING_IDS.has(id) ? "warning" : "error");
      }
    }
  });

  test("messages are lower-case sentences without an end, and each says what would be right", () => {
    for (const { yaml } of readCases()) {
      for (const { message, remedy } of loadConfig([{ name: "a", text: yaml }]).problems) {
        expect(message).toMatch(/^(AmneziaWG |DNS |YAML |[^A-Z]).*[^.]$/);
        expect(remedy).not.toBe("");
      }
    }
  });
});
