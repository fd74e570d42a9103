import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs } from "../../../src/reconciler/machine/backoff.ts";
import {
  burstDueMs,
  DEFAULT_BURST_LIMITS,
  joinBurst,
  type PendingBurst,
} from "../../../src/reconciler/machine/burst-guard.ts";

const SEED = Number(process.env["AWG_SEED"] ?? 20261121);

describe("backoff", () => {
  test("doubles up to the longest wait, half of it random", () => {
    expect([1, 2, 3, 4, 7, 8, 1_000].map((attempt) => backoffMs(attempt, 0))).toEqual([
      500, 1_000, 2_000, 4_000, 30_000, 30_000, 30_000,
    ]);
    expect(backoffMs(1, 0.5)).toBe(750);
    expect(backoffMs(100, 0.999_999)).toBe(60_000);
  });

  test("never more than the longest, never less than half of the first", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempt, random) => {
        expect(backoffMs(attempt, random)).toBeGreaterThanOrEqual(500);
        expect(backoffMs(attempt, random)).toBeLessThanOrEqual(60_000);
      }),
      { seed: SEED },
    );
  });
});

describe("the burst guard", () => {
  test("a lone event waits for the quiet time", () => {
    expect(burstDueMs(null)).toBeUndefined();
    expect(burstDueMs(joinBurst(null, 1_000))).toBe(1_200);
  });

  test("events without end wait for the longest time after the first", () => {
    let burst: PendingBurst = null;
    let acted = 0;
    for (let now = 0; now < 20_000; now += 50) {
      const due = burstDueMs(burst);
      if (due !== undefined && due <= now) {
        expect(due - (burst as NonNullable<PendingBurst>).firstMs).toBe(2_000);
        burst = null;
        acted++;
      }
      burst = joinBurst(burst, now);
    }
    expect(acted).toBe(9);
  });

  test("it is due after the last event, within the quiet time and the longest time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 1, maxLength: 40 }), (gaps) => {
        let now = 0;
        let burst: PendingBurst = null;
        for (const gap of gaps) {
          const due = burstDueMs(burst);
          now += gap;
          if (due !== undefined && due <= now) burst = null;
          burst = joinBurst(burst, now);
        }
        const due = burstDueMs(burst) as number;
        const { quietMs, longestMs } = DEFAULT_BURST_LIMITS;
        expect(due).toBeGreaterThanOrEqual(now);
        expect(due).toBeLessThanOrEqual(now + quietMs);
        expect(due).toBeLessThanOrEqual((burst as NonNullable<PendingBurst>).firstMs + longestMs);
      }),
      { seed: SEED },
    );
  });
});
