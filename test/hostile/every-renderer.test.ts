import { expect, test } from "vitest";
import { schemaFields } from "./schema-fields.ts";
import { FREE_TEXTS, renderPairs } from "./through-renderers.ts";

/** Of the pairs of field and string every so manieth; the nightly form takes all. */
const STRIDE = 512;
const FREE_STRIDE = 16;
/** Fewer pairs than this, held against the same field with a harmless word, would hold nothing. */
const TWINS = 10;
const limit = { timeout: 300_000 };

test(
  `D1, law 7: every ${STRIDE}th pair of a field and a hostile string, through every renderer of both systems`,
  limit,
  () => {
    const { complaints, linux, macos, rules, twins } = renderPairs(schemaFields(), STRIDE);
    expect(complaints).toEqual([]);
    expect(linux).toBeGreaterThan(75);
    expect(macos).toBeGreaterThan(2);
    expect(rules).toBeGreaterThan(250);
    expect(twins).toBeGreaterThan(TWINS);
  },
);

test(
  `D1, law 7: every ${FREE_STRIDE}th hostile string as all free texts at once: what is read back is awg's rules alone`,
  limit,
  () => {
    const { complaints, linux, macos, rules, twins } = renderPairs([FREE_TEXTS], FREE_STRIDE);
    expect(complaints).toEqual([]);
    expect(Math.min(linux, macos)).toBeGreaterThan(15);
    expect(rules).toBeGreaterThan(1_500);
    expect(twins).toBe(linux + macos);
  },
);
