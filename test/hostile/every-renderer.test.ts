import { expect, test } from "vitest";
import { sized } from "../support/size.ts";
import { schemaFields } from "./schema-fields.ts";
import { FREE_TEXTS, renderPairs } from "./through-renderers.ts";

/** Which of the pairs of a field and a string are tried: every n-th; all of them at full size. */
const STRIDE = sized(512, 1);
const FREE_STRIDE = sized(16, 1);
/** With fewer pairs compared with the same field and a harmless word, the test would prove nothing. */
const TWINS = sized(10, 1_200);
const limit = { timeout: sized(300_000, 14_400_000) };

test(
  `D1, law 7: every ${STRIDE}th pair of a field and a hostile string, through every renderer of both systems`,
  limit,
  () => {
    const { complaints, linux, macos, rules, twins } = renderPairs(schemaFields(), STRIDE);
    console.log(`${linux} rendered for Linux, ${macos} for macOS, ${rules} statements read back, ${twins} compared`);
    expect(complaints).toEqual([]);
    expect(linux).toBeGreaterThan(sized(75, 20_000));
    expect(macos).toBeGreaterThan(sized(2, 700));
    expect(rules).toBeGreaterThan(250);
    expect(twins).toBeGreaterThan(TWINS);
  },
);

test(
  `D1, law 7: every ${FREE_STRIDE}th hostile string as all free texts at once: only awg's rules are read back`,
  limit,
  () => {
    const { complaints, linux, macos, rules, twins } = renderPairs([FREE_TEXTS], FREE_STRIDE);
    expect(complaints).toEqual([]);
    expect(Math.min(linux, macos)).toBeGreaterThan(15);
    expect(rules).toBeGreaterThan(1_500);
    expect(twins).toBe(linux + macos);
  },
);
