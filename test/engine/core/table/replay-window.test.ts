import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REJECT_AFTER_MESSAGES, REPLAY_WINDOW } from "../../../../src/engine/constants.ts";
import { ReplayWindow } from "../../../../src/engine/core/table/replay-window.ts";
import { checkProperty } from "../../../support/seeded.ts";
import { vectors } from "../../support/vectors.ts";

interface Sequence {
  readonly name: string;
  readonly steps?: readonly { readonly counter: string; readonly accept: boolean }[];
  readonly range?: readonly [number, number, number];
  readonly then?: readonly { readonly counter: string; readonly accept: boolean }[];
}

/** Counters near the end of the paper's session stand for those near the end of ours, which is at 2^53. */
function ours(counter: string): number {
  const value = BigInt(counter);
  return Number(value > 2n ** 60n ? value - 2n ** 64n + 2n ** 53n : value);
}

describe("the replay window", () => {
  test("judges the recorded sequences of wireguard-go and Linux as they do", () => {
    const { sequences } = vectors<{ sequences: Sequence[] }>("replay_window.json");
    expect(sequences.length).toBe(9);
    for (const { name, steps, range, then } of sequences) {
      const window = new ReplayWindow();
      const [first, last, step] = range ?? [0, -1, 1];
      for (let counter = first; step > 0 ? counter <= last : counter >= last; counter += step) {
        expect(window.accept(counter), `${name} ${counter}`).toBe(true);
      }
      for (const { counter, accept } of steps ?? then ?? []) {
        expect(window.accept(ours(counter)), `${name} ${counter}`).toBe(accept);
      }
    }
  });

  test("accepts each counter at most once, and exactly when a plain set of the seen would", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -200, max: 40 }) },
      { weight: 2, arbitrary: fc.integer({ min: -9_000, max: 9_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 31 }) },
    );
    checkProperty(
      fc.property(fc.nat({ max: 2 ** 40 }), fc.array(step, { maxLength: 120 }), (start, steps) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let newest = start;
        for (const distance of [0, ...steps]) {
          const counter = Math.max(0, newest + distance);
          const isFresh = !seen.has(counter) && (seen.size === 0 || newest - counter <= REPLAY_WINDOW);
          expect(window.isNew(counter)).toBe(isFresh);
          expect(window.accept(counter)).toBe(isFresh);
          if (isFresh) seen.add(counter);
          newest = Math.max(newest, counter);
        }
      }),
    );
  });

  test("refuses counters at and behind the end of the session, and those that are no exact numbers", () => {
    const window = new ReplayWindow();
    expect(window.accept(REJECT_AFTER_MESSAGES)).toBe(false);
    expect(window.accept(Number.POSITIVE_INFINITY)).toBe(false);
    expect(window.accept(REJECT_AFTER_MESSAGES - 1)).toBe(true);
    expect(window.accept(0)).toBe(false);
  });
});
