import { expect, test } from "vitest";
import { schemaFields } from "./schema-fields.ts";
import { FREE_TEXTS, renderPairs } from "./through-renderers.ts";

test("D1, law 7: every string of the corpus in every field of the schema, through every renderer of both systems", () => {
  const { complaints, linux, macos, rules, twins } = renderPairs([...schemaFields(), FREE_TEXTS], 1);
  console.log(
    `${linux} configurations rendered for Linux, ${macos} for macOS, ${rules} statements read back, ${twins} held against a harmless word`,
  );
  expect(complaints).toEqual([]);
  expect(linux).toBeGreaterThan(20_000);
  expect(macos).toBeGreaterThan(1_000);
  expect(twins).toBeGreaterThan(1_500);
});
