import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { facts } from "../../../support/facts.ts";
import { parsePf } from "./parse-pf.ts";

/** Each ruleset of the corpus with the recorded answer of an OpenBSD 4.3 parser: 0 parses, 1 refused. */
const cases = readFileSync(facts("pf-corpus/RESULTS.tsv"), "utf8")
  .trim()
  .split("\n")
  .map((line) => line.split("\t"));
const rulesets = (answer: "0" | "1") => cases.filter(([, status]) => status === answer).map(([file = ""]) => file);
const text = (file: string) => readFileSync(facts(`pf-corpus/${file}`), "utf8");

describe("the PF parser", () => {
  test("reads the whole corpus", () => {
    expect([rulesets("0").length, rulesets("1").length]).toEqual([33, 83]);
  });

  test.each(rulesets("0"))("accepts %s", (file) => {
    expect(() => parsePf(text(file))).not.toThrow();
  });

  test.each(rulesets("1"))("refuses %s", (file) => {
    expect(() => parsePf(text(file))).toThrow(/^\d+: /);
  });
});
