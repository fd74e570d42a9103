import { expect, test } from "vitest";
import { clockEvent } from "../../src/daemon/watch/clock-watch.ts";

const before = { awakeMs: 1_000, bootMs: 1_000, wallMs: 1_000_000 };
const after = (awake: number, slept: number, jumped: number) => ({
  awakeMs: before.awakeMs + awake,
  bootMs: before.bootMs + awake + slept,
  wallMs: before.wallMs + awake + slept + jumped,
});

test.each([
  ["a second passes", after(1_000, 0, 0), undefined],
  ["the machine is slow", after(30_000, 0, 0), undefined],
  ["it slept a minute", after(1_000, 60_000, 0), "woke up after 60 s of sleep"],
  ["somebody sets the clock back a year", after(1_000, 0, -31_536_000_000), "the wall clock jumped by -31536000 s"],
  ["NTP steps it by three seconds", after(1_000, 0, 3_000), "the wall clock jumped by 3 s"],
  ["it is slewed a little", after(1_000, 0, 400), undefined],
])("%s", (_, now, expected) => {
  expect(clockEvent(before, now)).toBe(expected);
});
