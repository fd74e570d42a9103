import { expect, test } from "vitest";
import { type ClockOffsetStore, MonotonicWallClock } from "../../src/keeper/monotonic-wall-clock.ts";

/** Keeps as long as nobody asks for another. */
function forgetful(): ClockOffsetStore & { written: number[] } {
  const written: number[] = [];
  return { written, read: () => written.at(-1), write: (aheadMs) => void written.push(aheadMs) };
}

/** Looks at a clock after each of these spans of steady time and jumps of the wall clock; how far it was behind each time. */
function behind(...steps: readonly (readonly [passedMs: number, jumpMs: number])[]): readonly number[] {
  let [wall, steady] = [1_800_000_000_000, 5_000];
  const clock = new MonotonicWallClock(
    () => wall,
    () => steady,
    forgetful(),
  );
  return steps.map(([passedMs, jumpMs]) => {
    steady += passedMs;
    wall += passedMs + jumpMs;
    return clock.look();
  });
}

const YEAR_MS = 31_536_000_000;

test("B13: a wall clock that goes on, or forward, is never behind", () => {
  expect(behind([0, 0], [500, 0], [500, YEAR_MS], [3_600_000, 0])).toEqual([0, 0, 0, 0]);
});

test("B13: one that is set back is behind by that much, however long it is so, and not once it is right again", () => {
  expect(behind([0, 0], [500, -YEAR_MS], [3_600_000, 0], [500, YEAR_MS])).toEqual([0, YEAR_MS, YEAR_MS, 0]);
});

test("B13: the latest it ever was counts", () => {
  expect(behind([0, 0], [500, YEAR_MS], [500, -YEAR_MS], [500, -1_000])).toEqual([0, 0, YEAR_MS, YEAR_MS + 1_000]);
});

test("B13: a starting engine gets a later time only while the clock is behind it", () => {
  let wall = 1_800_000_000_500;
  const clock = new MonotonicWallClock(
    () => wall,
    () => 0,
    forgetful(),
  );
  const set = "set=1\nprivate_key=*\nlisten_port=1\n\n";
  expect(clock.withNotBefore(set)).toBe(set);
  wall -= 900;
  expect(clock.withNotBefore(set)).toBe(set);
  wall -= YEAR_MS;
  expect(clock.withNotBefore(set)).toBe("set=1\nawg_not_before=1800000001\nprivate_key=*\nlisten_port=1\n\n");
});

test("B13: the keeper after this one knows it, and nothing is written while the clock just goes on", () => {
  let [wall, steady] = [1_800_000_000_000, 5_000];
  const kept = forgetful();
  const begin = () =>
    new MonotonicWallClock(
      () => wall,
      () => steady,
      kept,
    );
  const first = begin();
  for (let looks = 0; looks < 100; looks += 1) {
    first.look();
    wall += 500;
    steady += 500;
  }
  expect(kept.written).toHaveLength(1);
  wall -= YEAR_MS;
  expect(begin().look()).toBe(YEAR_MS);
});
