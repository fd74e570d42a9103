import { describe, expect, test } from "vitest";
import {
  nextSleep,
  type SleepReading,
  type SleepState,
  withReconnect,
} from "../../../../src/host/darwin/network-events/wake.ts";

const START: SleepReading = { sleptAtMs: 0, wokeAtMs: 0, isUserBack: false, wallMs: 1_000_000, steadyMs: 1000 };

/** What is told of these looks, one after the other; each says only what is other than in the look before. */
function reported(...looks: readonly Partial<SleepReading>[]): readonly (readonly [string, boolean])[] {
  let state: SleepState = { reading: START };
  return looks.flatMap((change) => {
    const next = nextSleep(state, { ...state.reading, ...change });
    state = next.state;
    return next.wake === undefined ? [] : [[next.wake.what, next.wake.renumbered] as const];
  });
}

/** Asleep and awake again at these seconds, with nobody there unless it is said. */
function slept(from: number, to: number, isUserBack = false): Partial<SleepReading> {
  return { sleptAtMs: from * 1000, wokeAtMs: to * 1000, isUserBack };
}

describe("sleep and clocks", () => {
  test.each<[string, Partial<SleepReading>[], [string, boolean][]]>([
    ["nothing", [{ wallMs: 1_000_250, steadyMs: 1250 }], []],
    ["a nap", [slept(5, 60, true)], [["woke up after 55 s of sleep", false]]],
    ["a night", [slept(5, 28_805, true)], [["woke up after 28800 s of sleep", true]]],
    [
      "a dark wake in the night",
      [slept(5, 3605), slept(3660, 7260)],
      [
        ["woke up after 3600 s of sleep", false],
        ["woke up after 3600 s of sleep", false],
      ],
    ],
    [
      "sleeps of less than ten minutes with dark wakes between them, then somebody comes",
      [slept(0, 500), slept(550, 1000), slept(1050, 1500), { isUserBack: true }],
      [
        ["woke up after 500 s of sleep", false],
        ["woke up after 450 s of sleep", false],
        ["woke up after 450 s of sleep", false],
        ["woke up for good after 1500 s of sleep", true],
      ],
    ],
    [
      "somebody comes to a nap's dark wake: nothing is left to be said",
      [slept(5, 60), { isUserBack: true }],
      [["woke up after 55 s of sleep", false]],
    ],
    [
      "the kernel that is about to sleep: it has no time of waking then",
      [slept(5, 60, true), { wokeAtMs: 0 }, slept(70, 80, true)],
      [
        ["woke up after 55 s of sleep", false],
        ["woke up after 10 s of sleep", false],
      ],
    ],
    [
      "a minute awake is counted from the last wake",
      [
        slept(0, 900),
        { steadyMs: 50_000 },
        { ...slept(950, 1000), steadyMs: 62_000 },
        { steadyMs: 121_999 },
        { steadyMs: 122_000 },
      ].map((look) => ({ wallMs: 999_000 + (look.steadyMs ?? 1000), ...look })),
      [
        ["woke up after 900 s of sleep", false],
        ["woke up after 50 s of sleep", false],
        ["woke up for good after 1000 s of sleep", true],
      ],
    ],
    ["a clock set back", [{ wallMs: 990_000 }], [["the wall clock jumped by -10 s", false]]],
    [
      "a clock set in a dark wake",
      [slept(0, 900), { wallMs: 990_000 }],
      [
        ["woke up after 900 s of sleep", false],
        ["the wall clock jumped by -10 s", false],
      ],
    ],
    ["a clock that ran through a sleep", [{ wallMs: 1_900_000 }], [["the wall clock jumped by 900 s", true]]],
  ])("%s", (_what, looks, expected) => {
    expect(reported(...looks)).toEqual(expected);
  });

  test("what may have moved in a dark wake is made good at its end, however short the sleep was", () => {
    const dark = nextSleep({ reading: START }, { ...START, ...slept(5, 60) }).state;
    const owed = withReconnect(dark);
    if (owed === undefined) throw new Error("it dozes no more");
    expect(nextSleep(owed, { ...owed.reading, isUserBack: true }).wake).toEqual({
      what: "woke up for good after 55 s of sleep",
      renumbered: true,
    });
    expect(withReconnect({ reading: START })).toBeUndefined();
  });
});
