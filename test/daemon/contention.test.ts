import { describe, expect, test } from "vitest";
import { noteRepairs, type RepairHistory } from "../../src/daemon/contention.ts";

describe("a fight", () => {
  test("is the sixth repair of one key within a minute, and is left until the oldest is out of it", () => {
    let history: RepairHistory = [];
    for (let repair = 0; repair < 5; repair += 1) {
      const noted = noteRepairs(history, ["resolver/machine"], repair * 1_000);
      expect(noted.contention).toBeUndefined();
      history = noted.history;
    }
    const sixth = noteRepairs(history, ["resolver/machine", "link/office"], 10_000);
    expect(sixth.contention).toEqual({ keys: ["resolver/machine"], waitMs: 50_000 });
    expect(sixth.history).toHaveLength(5);
    expect(noteRepairs(sixth.history, ["resolver/machine"], 60_000).contention).toBeUndefined();
  });

  test("five different keys are no fight", () => {
    let history: RepairHistory = [];
    for (const key of ["a", "b", "c", "d", "e", "f"]) history = noteRepairs(history, [key], 0).history;
    expect(noteRepairs(history, ["a"], 1).contention).toBeUndefined();
  });

  test("a slow rival is repaired for ever", () => {
    let history: RepairHistory = [];
    for (let repair = 0; repair < 50; repair += 1) {
      const noted = noteRepairs(history, ["a"], repair * 13_000);
      expect(noted.contention).toBeUndefined();
      history = noted.history;
      expect(history.length).toBeLessThanOrEqual(5);
    }
  });
});
