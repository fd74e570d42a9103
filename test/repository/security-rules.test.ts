import { describe, expect, test } from "vitest";
import { filesBelow, read } from "./sources.ts";

const MOST_WORDS_OF_A_RULE = 60;
const MOST_WORDS_OF_A_PAGE = 1500;
const MOST_WORDS_OF_THE_STATEMENT = 1200;
const MOST_WORDS_OF_THE_FIGURES = 1000;
const MOST_LINES_OF_THE_CHANGELOG = 120;

const RULE_PAGES = [...filesBelow("docs/reference/security"), "docs/reference/known-limits.md"];
const ATTACKS = read("docs/reference/attacks.md");
const NUMBER = /\bS(?:1[0-5]|[1-9])\.\d+\b/g;

interface Rule {
  readonly number: string;
  readonly text: string;
}

/** Rules as the reference states them: an item of a list or a row of a table that begins with its number. */
const rules: readonly Rule[] = RULE_PAGES.flatMap((page) =>
  [...read(page).matchAll(/^(?:-|\|) \*\*(S\d+\.\d+)\*\*(.*)$/gm)].map(([, number = "", text = ""]) => ({
    number,
    text,
  })),
);
const stated = new Set(rules.map(({ number }) => number));

/** How many words, without signs such as the bars of a table. */
function wordsIn(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Files that cite rules: sources, tests and pages. */
function citingFiles(): readonly string[] {
  const below = ["src", "test", "bench", "docs", "examples"].flatMap((folder) => filesBelow(folder));
  return [...below, "README.md", "ARCHITECTURE.md", "CHANGELOG.md"].filter((file) => /\.(?:ts|py|md)$/.test(file));
}

describe("rules by number", () => {
  test("each number is stated once", () => {
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.length).toBe(stated.size);
  });

  test("a rule has at most 60 words", () => {
    const long = rules.filter(({ text }) => wordsIn(text) > MOST_WORDS_OF_A_RULE);
    expect(long.map(({ number, text }) => `${number}: ${wordsIn(text)}`)).toEqual([]);
  });

  test("every number that is cited exists", () => {
    const missing = new Set<string>();
    let cited = 0;
    for (const file of citingFiles()) {
      for (const [number] of read(file).matchAll(NUMBER)) {
        cited += 1;
        if (!stated.has(number)) missing.add(`${number} in ${file}`);
      }
    }
    expect(cited).toBeGreaterThan(1000);
    expect([...missing]).toEqual([]);
  });

  test("every rule about packets that is held is carried out somewhere", () => {
    const code = ["src/model/firewall", "src/host/linux"].flatMap((folder) => filesBelow(folder)).map(read);
    const carriedOut = new Set(code.flatMap((text) => text.match(NUMBER) ?? []));
    const held = rules.filter(({ number, text }) => /^S[2-9]\./.test(number) && !/^ Not held/.test(text));
    expect(held.length).toBeGreaterThan(30);
    expect(held.map(({ number }) => number).filter((number) => !carriedOut.has(number))).toEqual([]);
  });
});

describe("attacks", () => {
  test("every row that a test cites exists", () => {
    const rows = new Set([...ATTACKS.matchAll(/^\| ([A-H][^|]*) \|/gm)].flatMap(([, cell = ""]) => cell.split(", ")));
    const cited = filesBelow("test")
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [...read(file).matchAll(/(?:attacks?|fault) ([A-H]\d+)\b/gi)])
      .map(([, row = ""]) => row);
    expect(cited.length).toBeGreaterThan(10);
    expect(cited.filter((row) => !rows.has(row))).toEqual([]);
  });
});

describe("sizes", () => {
  test("the security statement has at most two pages", () => {
    expect(wordsIn(read("docs/security.md"))).toBeLessThanOrEqual(MOST_WORDS_OF_THE_STATEMENT);
  });

  test("the page of figures is one page", () => {
    expect(wordsIn(read("docs/performance.md"))).toBeLessThanOrEqual(MOST_WORDS_OF_THE_FIGURES);
  });

  test("the changelog has at most 120 lines", () => {
    expect(read("CHANGELOG.md").trimEnd().split("\n").length).toBeLessThanOrEqual(MOST_LINES_OF_THE_CHANGELOG);
  });

  test.each([...RULE_PAGES, "docs/reference/security-rules.md", "docs/reference/attacks.md"])(
    "%s is one page",
    (page) => {
      expect(wordsIn(read(page))).toBeLessThanOrEqual(MOST_WORDS_OF_A_PAGE);
    },
  );
});
