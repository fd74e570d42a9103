import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  canonicalPrefix,
  comparePrefix,
  hasHostBits,
  mergePrefixes,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixesOfRange,
  prefixOverlaps,
  prefixRange,
  renderPrefix,
  subtractPrefixes,
} from "../../src/model/prefix.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`${text} is no prefix`);
  return parsed;
}

const render = (prefixes: readonly Prefix[]) => prefixes.map(renderPrefix);

/** Prefixes inside 10.0.0.0/24: small enough to count every address. */
const small = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
  .map(([host, length]) => prefix(`10.0.0.${host}/${length}`));

function addressesOf(prefixes: readonly Prefix[]): Set<bigint> {
  const addresses = new Set<bigint>();
  for (const one of prefixes) {
    const { first, last } = prefixRange(one);
    for (let address = first; address <= last; address += 1n) addresses.add(address);
  }
  return addresses;
}

describe("prefixes", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1/32"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::/0", "::/0"],
    ["10.1.2.3/8", "10.1.2.3/8"],
  ])("reads %s as %s", (text, written) => {
    expect(renderPrefix(prefix(text))).toBe(written);
  });

  test.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10/8", "10.0.0.0/8/8", "/8", "a/8"])(
    "%s is no prefix",
    (text) => {
      expect(parsePrefix(text)).toBeUndefined();
    },
  );

  test("finds and clears host bits", () => {
    expect(hasHostBits(prefix("10.0.0.1/8"))).toBe(true);
    expect(hasHostBits(prefix("10.0.0.0/8"))).toBe(false);
    expect(hasHostBits(prefix("10.0.0.1"))).toBe(false);
    expect(renderPrefix(canonicalPrefix(prefix("10.1.2.3/8")))).toBe("10.0.0.0/8");
    expect(renderPrefix(canonicalPrefix(prefix("2001:db8::1/32")))).toBe("2001:db8::/32");
    expect(renderPrefix(canonicalPrefix(prefix("255.255.255.255/0")))).toBe("0.0.0.0/0");
  });

  test("families never meet", () => {
    expect(prefixContains(prefix("::/0"), prefix("10.0.0.0/8"))).toBe(false);
    expect(prefixOverlaps(prefix("0.0.0.0/0"), prefix("::/0"))).toBe(false);
    expect(render(subtractPrefixes([prefix("::/0")], [prefix("0.0.0.0/0")]))).toEqual(["::/0"]);
  });

  test("the whole of IPv4 without 10/8", () => {
    expect(render(subtractPrefixes([prefix("0.0.0.0/0")], [prefix("10.0.0.0/8")]))).toEqual([
      "0.0.0.0/5",
      "8.0.0.0/7",
      "11.0.0.0/8",
      "12.0.0.0/6",
      "16.0.0.0/4",
      "32.0.0.0/3",
      "64.0.0.0/2",
      "128.0.0.0/1",
    ]);
  });

  test("halves join into the whole, in both families", () => {
    const halves = ["128.0.0.0/1", "::/1", "0.0.0.0/1", "8000::/1"].map(prefix);
    expect(render(mergePrefixes(halves))).toEqual(["0.0.0.0/0", "::/0"]);
  });

  test("containing and overlapping agree with counting addresses", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [inA, inB] = [addressesOf([a]), addressesOf([b])];
        expect(prefixContains(a, b)).toBe(inB.isSubsetOf(inA));
        expect(prefixOverlaps(a, b)).toBe(!inA.isDisjointFrom(inB));
      }),
      { seed, numRuns: 500 },
    );
  });

  test("merging and subtracting agree with counting addresses, are canonical and as few as can be", () => {
    const some = fc.array(small, { maxLength: 12 });
    fc.assert(
      fc.property(some, some, (from, minus) => {
        const merged = mergePrefixes(from);
        const rest = subtractPrefixes(from, minus);
        expect(addressesOf(merged)).toEqual(addressesOf(from));
        expect(addressesOf(rest)).toEqual(addressesOf(from).difference(addressesOf(minus)));
        for (const result of [merged, rest]) {
          expect(result.some(hasHostBits)).toBe(false);
          expect(result).toEqual([...result].sort(comparePrefix));
          expect(mergePrefixes(result)).toEqual(result);
        }
      }),
      { seed, numRuns: 500 },
    );
  });

  test("a range becomes the fewest prefixes, up to the last address there is", () => {
    const last = (1n << 128n) - 1n;
    expect(render(prefixesOfRange(6, 0n, last))).toEqual(["::/0"]);
    expect(render(prefixesOfRange(6, last, last))).toEqual(["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]);
    expect(render(prefixesOfRange(4, 1n, 6n))).toEqual(["0.0.0.1/32", "0.0.0.2/31", "0.0.0.4/31", "0.0.0.6/32"]);
  });

  test("ten thousand prefixes merge and subtract exactly", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => prefix(`2001:db8:${index.toString(16)}::/48`));
    const odd = many.filter((_, index) => index % 2 === 1);
    const even = many.filter((_, index) => index % 2 === 0);
    expect(mergePrefixes(many).length).toBeLessThan(20);
    expect(render(subtractPrefixes(many, odd))).toEqual(render(even));
  });
});
