import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPrefix, comparePrefix, parsePrefix, renderPrefix } from "../../../src/model/prefix.ts";
import { sortedPrefixes } from "../../../src/resources/prefix-list.ts";
import { checkProperty } from "../../support/seeded.ts";

describe("a list of prefixes", () => {
  it("is canonical, sorted and unique, whatever the texts (against bigints)", () => {
    const prefix = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, length]) => `${ip}/${length}`);
    const canonical = prefix.map((text) => slowly([text])[0] ?? "");
    const others = fc.constantFrom(
      "",
      "nothing",
      "10.0.0.1",
      "10.0.0.1/8",
      "10.0.0.0/08",
      "10.0.0.0/",
      "::1",
      "2001:DB8::/32",
    );
    for (const texts of [fc.array(canonical), fc.array(fc.oneof(canonical, prefix, others))])
      checkProperty(
        fc.property(texts, (list) => {
          expect(sortedPrefixes(list)).toEqual(slowly(list));
        }),
      );
  });
});

function slowly(texts: readonly string[]): string[] {
  const prefixes = texts.flatMap((text) => parsePrefix(text) ?? []).map(canonicalPrefix);
  return [...new Set(prefixes.toSorted(comparePrefix).map(renderPrefix))];
}
