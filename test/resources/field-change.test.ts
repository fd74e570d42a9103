import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tunnelOfDevice } from "../../src/model/resources/tunnel-key.ts";
import { pointerToken, secretChange, setChange, valueChange } from "../../src/resources/field-change.ts";
import { sortedPrefixes } from "../../src/resources/prefix-list.ts";
import { SEED } from "../property/seed.ts";

describe("the change of one field", () => {
  test("is none when both are the same data", () => {
    expect(valueChange("/mtuBytes", 1420, 1420)).toEqual([]);
    expect(valueChange("/a", { x: 1, y: [2] }, { y: [2], x: 1 })).toEqual([]);
    expect(valueChange("/a", undefined, undefined)).toEqual([]);
  });

  test("names both values, and only those that exist", () => {
    expect(valueChange("/mtuBytes", 1420, 1380)).toEqual([{ field: "/mtuBytes", before: 1420, after: 1380 }]);
    expect(valueChange("/device", undefined, "awg-a")).toEqual([{ field: "/device", after: "awg-a" }]);
    expect(valueChange("/device", "awg-a", undefined)).toEqual([{ field: "/device", before: "awg-a" }]);
  });

  test("law 8: of a secret says only that it changed", () => {
    expect(secretChange("/privateKey", "old", "new")).toEqual([{ field: "/privateKey", secret: true }]);
    expect(secretChange("/privateKey", "same", "same")).toEqual([]);
    expect(JSON.stringify(secretChange("/privateKey", "canary-1", "canary-2"))).not.toContain("canary");
  });
});

describe("the change of a set", () => {
  test("counts what went and came and shows the first few", () => {
    const before = ["a", "b", "c", "d", "e"];
    const after = ["e", "f"];
    expect(setChange("/destinations", before, after)).toEqual([
      { field: "/destinations", before: ["a", "b", "c"], after: ["f"], added: 1, removed: 4 },
    ]);
  });

  test("takes neither order nor repetition into account", () => {
    expect(setChange("/x", ["a", "b"], ["b", "a", "a"])).toEqual([]);
    expect(setChange("/x", [], [])).toEqual([]);
  });

  test("agrees with the obvious difference", () => {
    const set = fc.array(fc.constantFrom(..."abcdefgh"));
    fc.assert(
      fc.property(set, set, (before, after) => {
        const [change] = setChange("/x", before, after);
        const removed = new Set(before.filter((member) => !after.includes(member))).size;
        const added = new Set(after.filter((member) => !before.includes(member))).size;
        expect(change?.removed ?? 0).toBe(removed);
        expect(change?.added ?? 0).toBe(added);
      }),
      { seed: SEED },
    );
  });
});

describe("small things", () => {
  test("a key becomes one token of a JSON pointer", () => {
    expect(pointerToken("a/b~c")).toBe("a~1b~0c");
  });

  test("a device's name gives its tunnel", () => {
    expect(tunnelOfDevice("awg-office")).toBe("office");
    expect(tunnelOfDevice("wg0")).toBe("wg0");
    expect(tunnelOfDevice("awg-")).toBe("awg-");
  });

  test("prefixes are sorted by number, made canonical, and each kept once", () => {
    expect(sortedPrefixes(["::/0", "10.0.0.9/8", "9.0.0.0/8", "10.0.0.0/8", "nonsense", "192.0.2.1"])).toEqual([
      "9.0.0.0/8",
      "10.0.0.0/8",
      "192.0.2.1/32",
      "::/0",
    ]);
  });
});
