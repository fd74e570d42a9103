import { describe, expect, test } from "vitest";
import { noteRepairs, noteRival, type RepairHistory, type Rival, rivalsFor } from "../../src/daemon/contention.ts";

/** Repairs one key whenever it may be, for so long; gives when. */
function fight(forMs: number, everyMs: number): number[] {
  let history: RepairHistory = [];
  const at: number[] = [];
  for (let nowMs = 0; nowMs < forMs; nowMs += everyMs) {
    const noted = noteRepairs(history, ["resolver/machine"], nowMs);
    history = noted.history;
    if (noted.contention === undefined) at.push(nowMs);
  }
  return at;
}

describe("A10: a rival", () => {
  const rival = (kind: string, what: string, atMs: number): Rival => ({
    what,
    kind,
    text: `${what}, by ${kind} (${atMs})`,
    atMs,
  });
  const noted = (...rivals: readonly Rival[]) => rivals.reduce(noteRival, [] as readonly Rival[]);

  test.each([
    ["policy rules", "routes/policy", true],
    ["policy rules", "routes/office", false],
    ["routes", "routes/office", true],
    ["default route", "routes/policy", true],
    ["addresses", "link/office", true],
    ["addresses", "routes/policy", false],
    ["packet filter", "routes/policy", false],
    ["devices", "resolver/machine", false],
  ])("who changed %s is named in a fight over %s: %s", (what, key, isNamed) => {
    expect(rivalsFor(noted(rival("ip", what, 1)), [key], 2)).toHaveLength(isNamed ? 1 : 0);
  });

  test("is reported once for all processes of its kind, for a minute, and three of them at most", () => {
    const many = noted(...["a", "b", "a", "c", "d"].map((kind, atMs) => rival(kind, "policy rules", atMs)));
    const texts = ["d (4)", "c (3)", "a (2)"].map((who) => `policy rules, by ${who}`);
    expect(rivalsFor(many, ["routes/policy"], 10)).toEqual(texts);
    expect(rivalsFor(many, ["routes/policy"], 60_003)).toEqual(texts.slice(0, 1));
    expect(rivalsFor(many, ["routes/policy"], 60_004)).toEqual([]);
  });

  test("a thousand kinds are not kept", () => {
    const many = noted(...Array.from({ length: 1_000 }, (_, n) => rival(String(n), "routes", n)));
    expect(many).toHaveLength(20);
  });
});

describe("A10: a fight", () => {
  test("begins with the sixth repair of one key within a minute, which waits a second, the next two, then four", () => {
    const at = fight(40_000, 100);
    expect(at.slice(0, 9)).toEqual([0, 100, 200, 300, 400, 1_400, 3_400, 7_400, 15_400]);
  });

  test("names the key and how long it is left", () => {
    let history: RepairHistory = [];
    for (let repair = 0; repair < 5; repair += 1)
      history = noteRepairs(history, ["resolver/machine"], repair * 1_000).history;
    const sixth = noteRepairs(history, ["resolver/machine"], 4_400);
    expect(sixth.contention).toEqual({ keys: ["resolver/machine"], waitMs: 600 });
    expect(sixth.history).toHaveLength(5);
    expect(noteRepairs(sixth.history, ["resolver/machine"], 5_000).contention).toBeUndefined();
  });

  test("holds back nothing that is not fought over, but what is new to the plan becomes a fight in its turn", () => {
    let history: RepairHistory = [];
    const held: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const keys = round < 5 ? ["routes/policy"] : ["routes/policy", "link/office"];
      const noted = noteRepairs(history, keys, round);
      history = noted.history;
      if (noted.contention !== undefined) held.push(round);
    }
    expect(held).toEqual([10, 11]);
  });

  test("law 1: over the packet filter is never left to the rival", () => {
    let history: RepairHistory = [];
    for (let round = 0; round < 50; round += 1) {
      const noted = noteRepairs(history, ["firewall/machine", "routes/policy"], round);
      expect(noted.contention).toBeUndefined();
      history = noted.history;
    }
  });

  test("that never ends costs a dozen repairs a minute, and no wait is longer than 30 s", () => {
    const at = fight(600_000, 100);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(at.length).toBeLessThanOrEqual(12 * 10);
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
