import { expect, test } from "vitest";
import { schemaFields } from "./schema-fields.ts";
import { passPairs } from "./through-loader.ts";

test("law 7: every string of the corpus in every field of the schema, through the loader", () => {
  const { complaints, accepted } = passPairs(schemaFields(), 1);
  expect(complaints).toEqual([]);
  expect(accepted).toBeGreaterThan(20_000);
});
