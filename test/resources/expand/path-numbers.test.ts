import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTunnelNumber, MOST_TUNNELS, tableOfPath } from "../../../src/model/ownership.ts";
import { assignPathNumbers } from "../../../src/resources/expand/tunnels/path-numbers.ts";
import { pathNumbersOf, rememberNumbers } from "../../../src/resources/expand.ts";
import { SEED } from "../../property/seed.ts";
import { expandText, KEY_A } from "../sample.ts";

describe("path numbers", () => {
  test("new tunnels get the lowest, in order of their names as given", () => {
    expect(assignPathNumbers(["a", "b"], {})).toEqual({ a: 1, b: 2 });
  });

  test("a tunnel keeps its number when others come and go", () => {
    expect(assignPathNumbers(["b", "c"], { a: 1, b: 2 })).toEqual({ b: 2, c: 3 });
  });

  test("the number of a tunnel that leaves is free only in the next state", () => {
    const now = assignPathNumbers(["c"], { a: 1 });
    expect(now).toEqual({ c: 2 });
    expect(assignPathNumbers(["c", "d"], now)).toEqual({ c: 2, d: 1 });
  });

  test("numbers that cannot be, or are taken twice, are given again", () => {
    expect(assignPathNumbers(["a", "b", "c", "d"], { a: 0, b: 61, c: 1.5, d: Number.NaN })).toEqual({
      a: 1,
      b: 2,
      c: 3,
      d: 4,
    });
    expect(assignPathNumbers(["a", "b"], { a: 7, b: 7 })).toEqual({ a: 7, b: 1 });
  });

  test("a name like that of a method is a name", () => {
    expect(assignPathNumbers(["constructor", "tostring"], {})).toEqual({ constructor: 1, tostring: 2 });
  });

  test(`${MOST_TUNNELS} tunnels have numbers, the next has none; none has another path's`, () => {
    const names = Array.from({ length: MOST_TUNNELS + 1 }, (_, index) => `t${index}`);
    const numbers = assignPathNumbers(names, {});
    expect(Object.keys(numbers)).toHaveLength(MOST_TUNNELS);
    expect(numbers[`t${MOST_TUNNELS}`]).toBeUndefined();
    expect(Object.values(numbers).every(isTunnelNumber)).toBe(true);
    expect([numbers["t59"], numbers["t60"]]).toEqual([60, 64]);
  });

  test("where no number is free the tunnels that are gone give theirs, the longest gone first", () => {
    const names = Array.from({ length: MOST_TUNNELS }, (_, index) => `t${index}`);
    const full = assignPathNumbers(names, {});
    const changed = assignPathNumbers(["new", "other", ...names.slice(0, -2)], full);
    expect(changed).toMatchObject({ new: 253, other: 252, t0: 1 });
    const before = rememberNumbers({ old: 200 }, Object.fromEntries(Object.entries(full).filter(([, n]) => n < 200)));
    expect(before["old"]).toBe(200);
    const fresh = Array.from({ length: MOST_TUNNELS }, (_, index) => `n${index}`);
    const all = assignPathNumbers(fresh, before);
    expect(new Set(Object.values(all)).size).toBe(MOST_TUNNELS);
    expect(Object.entries(all).find(([, number]) => number === 200)?.[0]).toBe("n53");
  });

  test("numbers of tunnels that are gone leave room for new ones", () => {
    const gone = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`g${index}`, index + 1]));
    const now = Object.fromEntries(Array.from({ length: 190 }, (_, index) => [`t${index}`, index + 64]));
    expect(Object.keys(rememberNumbers(gone, now))).toHaveLength(200);
  });

  test("whatever came before: one each, none twice, none of a tunnel that left", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e");
    const previous = fc.dictionary(name, fc.integer({ min: -1, max: 256 }));
    fc.assert(
      fc.property(fc.uniqueArray(name), previous, (tunnels, before) => {
        const numbers = assignPathNumbers(tunnels, before);
        const given = Object.values(numbers);
        expect(Object.keys(numbers).toSorted()).toEqual(tunnels.toSorted());
        expect(new Set(given).size).toBe(given.length);
        expect(given.every(isTunnelNumber)).toBe(true);
        const fresh = tunnels.filter((tunnel) => before[tunnel] === undefined);
        for (const tunnel of fresh) expect(Object.values(before)).not.toContain(numbers[tunnel]);
        expect(assignPathNumbers(tunnels, numbers)).toEqual(numbers);
      }),
      { seed: SEED },
    );
  });

  test("they can be read from the resources that stand on them", () => {
    const { desired, pathNumbers } = expandText(
      `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /k }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }] }
default: { via: direct }`,
      {},
      { pathNumbers: { a: 9 } },
    );
    expect(pathNumbers).toEqual({ a: 9 });
    expect(pathNumbersOf(desired.resources)).toEqual({ a: 9 });
    expect(tableOfPath(9)).toBe(0x6177_0009);
  });
});
