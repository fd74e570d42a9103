import fc from "fast-check";
import { expect, test } from "vitest";
import { MapDraft } from "../../../src/dataplane/uapi/map-draft.ts";
import { checkProperty } from "../../support/seeded.ts";

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant("set"), key: fc.nat(4), value: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("delete"), key: fc.nat(4), value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("clear"), key: fc.constant(0), value: fc.constant(0) }) },
);
const entries = fc.array(fc.tuple(fc.nat(4), fc.nat(9)), { maxLength: 5 });

test("a draft reads as a copy with the same changes; the map changes with commit, and without it never", () => {
  checkProperty(
    fc.property(entries, fc.array(step, { maxLength: 8 }), (before, steps) => {
      const base = new Map(before);
      const copy = new Map(before);
      const draft = new MapDraft(base);
      for (const { what, key, value } of steps) {
        for (const map of [draft, copy]) {
          if (what === "set") map.set(key, value);
          else if (what === "delete") map.delete(key);
          else map.clear();
        }
        for (const one of [0, 1, 2, 3, 4]) expect(draft.get(one)).toBe(copy.get(one));
        expect([...draft.values()].toSorted()).toEqual([...copy.values()].toSorted());
      }
      expect(base).toEqual(new Map(before));
      const changed = [...draft.changedKeys()];
      for (const one of [0, 1, 2, 3, 4]) if (base.get(one) !== copy.get(one)) expect(changed).toContain(one);
      draft.commit();
      expect(base).toEqual(copy);
    }),
    300,
  );
});
