import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { factsFolder } from "../../../support/facts.ts";
import { parsePf } from "./parse-pf.ts";

const corpus = factsFolder("pf-corpus");
const cases = (answer: "valid" | "invalid"): string[] =>
  corpus === undefined ? [] : readdirSync(join(corpus, answer)).filter((name) => name.endsWith(".conf"));
const text = (answer: string, name: string) => readFileSync(join(corpus ?? "", answer, name), "utf8");

describe.skipIf(corpus === undefined)(
  `the PF parser (${corpus === undefined ? "needs the facts' pf-corpus" : "corpus"})`,
  () => {
    test("has the whole corpus before it", () => {
      expect([cases("valid").length, cases("invalid").length]).toEqual([33, 83]);
    });

    test.each(cases("valid"))("accepts %s", (name) => {
      expect(() => parsePf(text("valid", name))).not.toThrow();
    });

    test.each(cases("invalid"))("refuses %s", (name) => {
      expect(() => parsePf(text("invalid", name))).toThrow(/^\d+: /);
    });
  },
);
