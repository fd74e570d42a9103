import { describe, expect, test } from "vitest";
import { type LoopPlan, type LoopReport, ReconcileLoop } from "../../src/daemon/reconcile-loop.ts";
import { DEFAULT_BURST_LIMITS } from "../../src/reconciler/machine/burst-guard.ts";
import { VirtualTime } from "./virtual-time.ts";

function world(over: { plan?: () => Promise<LoopPlan>; apply?: () => Promise<void> } = {}) {
  const time = new VirtualTime();
  const reports: LoopReport[] = [];
  const state = { drifted: ["routes/office"] as string[], proposed: false, plans: 0, applies: 0 };
  const loop = new ReconcileLoop(
    {
      plan:
        over.plan ??
        (async () => {
          state.plans += 1;
          return { keys: [...state.drifted], proposed: state.proposed };
        }),
      apply:
        over.apply ??
        (async () => {
          state.applies += 1;
          state.drifted = [];
        }),
    },
    {
      report: (report) => reports.push(report),
      nowMs: () => time.nowMs,
      random: () => 0.5,
      setTimer: time.setTimer,
      limits: () => DEFAULT_BURST_LIMITS,
    },
  );
  const reported = (type: LoopReport["type"]) => reports.filter((report) => report.type === type);
  return { loop, time, state, reported, reports };
}

describe("law 4: the loop", () => {
  test("looks once for a burst of events, and repairs what drifted", async () => {
    const { loop, time, state, reported } = world();
    for (let event = 0; event < 100; event += 1) loop.wake("routes");
    await time.pass(199);
    expect(state.plans).toBe(0);
    await time.pass(1);
    expect([state.plans, state.applies, loop.state]).toEqual([1, 1, "inSync"]);
    expect(reported("woken")).toEqual([{ type: "woken", reasons: ["routes"] }]);
  });

  test("B2: a burst that never ends is cut after two seconds", async () => {
    const { loop, time, state } = world();
    for (let event = 0; event < 50; event += 1) {
      loop.wake("routes");
      await time.pass(100);
    }
    expect(state.plans).toBeGreaterThanOrEqual(2);
    expect(state.plans).toBeLessThanOrEqual(3);
  });

  test("law 3: nothing to do writes nothing", async () => {
    const { loop, time, state, reported } = world();
    state.drifted = [];
    loop.wake("drift timer");
    await time.pass(1_000);
    expect([state.plans, state.applies]).toEqual([1, 0]);
    expect(reported("inSync")).toHaveLength(1);
  });

  test("a failure is reported with its reason and tried again after a growing wait", async () => {
    let tries = 0;
    const { loop, time, reported } = world({
      apply: async () => {
        tries += 1;
        throw new Error("the kernel says no");
      },
    });
    loop.wake("start");
    await time.pass(60_000);
    const stalled = reported("stalled") as Extract<LoopReport, { type: "stalled" }>[];
    expect(stalled[0]?.reason).toContain("the kernel says no");
    expect(stalled.map(({ retryInMs }) => retryInMs).slice(0, 4)).toEqual([750, 1_500, 3_000, 6_000]);
    expect(tries).toBeGreaterThan(3);
  });

  test("a repair that fails rests although its own events wake the loop; a person's wake ends the rest", async () => {
    let tries = 0;
    const { loop, time, reported } = world({
      plan: async () => ({ keys: ["routes/office"], proposed: false }),
      apply: async () => {
        tries += 1;
        loop.wake("routes");
        throw new Error("the kernel says no");
      },
    });
    loop.wake("start");
    for (let round = 0; round < 200; round += 1) {
      loop.wake("routes");
      await time.pass(300);
    }
    // In a minute: 0.75 s, 1.5 s, 3 s, 6 s, then every 10 s.
    expect(tries).toBeGreaterThanOrEqual(8);
    expect(tries).toBeLessThanOrEqual(10);
    expect(reported("stalled")).toHaveLength(tries);
    loop.wake("SIGHUP");
    const before = tries;
    await time.pass(300);
    expect(tries).toBe(before + 1);
  });

  test("another plan, or one that a person proposes, does not wait for a failed repair", async () => {
    const applied: string[] = [];
    let next: LoopPlan = { keys: ["routes/office"], proposed: false };
    const { loop, time } = world({
      plan: async () => next,
      apply: async () => {
        applied.push(next.keys.join());
        throw new Error("the kernel says no");
      },
    });
    loop.wake("start");
    await time.pass(250);
    for (const plan of [
      { keys: ["firewall/machine"], proposed: false },
      { keys: ["firewall/machine"], proposed: true },
    ]) {
      next = plan;
      loop.wake("config");
      await time.pass(250);
    }
    expect(applied).toEqual(["routes/office", "firewall/machine", "firewall/machine"]);
  });

  test("a difference that is new begins with the shortest wait, whatever failed before it", async () => {
    let keys = ["routes/office"];
    const { loop, time, reported } = world({
      plan: async () => ({ keys, proposed: false }),
      apply: () => Promise.reject(new Error("the kernel says no")),
    });
    loop.wake("start");
    await time.pass(60_000);
    for (const next of [["link/office", "routes/office"], ["routes/office"]]) {
      keys = next;
      loop.wake("devices");
      await time.pass(300);
    }
    const stalled = reported("stalled") as Extract<LoopReport, { type: "stalled" }>[];
    expect(stalled.slice(-2).map(({ retryInMs }) => retryInMs)).toEqual([750, 1_500]);
  });

  test("a wait for another awg is no failure: one that follows begins with the shortest wait", async () => {
    let plan = async (): Promise<LoopPlan> => ({ keys: ["routes/office"], proposed: false, isBusy: true });
    const { loop, time, reported } = world({ plan: () => plan() });
    loop.wake("routes");
    await time.pass(8_000);
    plan = () => Promise.reject(new Error("ENOBUFS"));
    await time.pass(1_000);
    expect(reported("stalled")[0]).toEqual({ type: "stalled", reason: "ENOBUFS", retryInMs: 750 });
  });

  test("the wait of a fight ends with it, also if events came while it was found", async () => {
    let isBroken = false;
    const { loop, time, state, reported } = world({
      plan: async () => {
        if (isBroken) throw new Error("ENOBUFS");
        if (reported("applying").length === 5) {
          loop.wake("routes");
          await time.pass(300);
          isBroken = true;
        }
        return { keys: ["routes/office"], proposed: false };
      },
    });
    for (let round = 0; round < 6; round += 1) {
      loop.wake("routes");
      await time.pass(300);
    }
    expect([state.applies, reported("contended").length]).toEqual([5, 1]);
    expect(reported("stalled")).toEqual([{ type: "stalled", reason: "ENOBUFS", retryInMs: 750 }]);
  });

  test("what another awg changes is no repair until it has ended, or has hung for ten seconds", async () => {
    let next: LoopPlan = { keys: ["routes/office"], proposed: false, isBusy: true };
    let applies = 0;
    const { loop, time, reported } = world({
      plan: async () => next,
      apply: async () => {
        applies += 1;
        next = { keys: [], proposed: false };
      },
    });
    loop.wake("routes");
    await time.pass(5_000);
    next = { keys: [], proposed: false };
    await time.pass(1_500);
    expect([applies, reported("applying"), reported("stalled"), loop.state]).toEqual([0, [], [], "inSync"]);
    next = { keys: ["routes/office"], proposed: false, isBusy: true };
    loop.wake("routes");
    await time.pass(9_000);
    expect(applies).toBe(0);
    await time.pass(3_000);
    expect([applies, loop.state]).toEqual([1, "inSync"]);
  });

  test("an observation that fails stalls and recovers", async () => {
    let broken = true;
    const { loop, time } = world({
      plan: async () => {
        if (broken) throw new Error("ENOBUFS");
        return { keys: [], proposed: false };
      },
    });
    loop.wake("start");
    await time.pass(500);
    expect(loop.state).toBe("stalled");
    broken = false;
    await time.pass(2_000);
    expect(loop.state).toBe("inSync");
  });

  test("A10: a rival that never gives up is named, left alone for longer and longer, and repaired once it stops", async () => {
    const { loop, time, state, reported } = world({});
    for (let round = 0; round < 100; round += 1) {
      state.drifted = ["routes/policy"];
      loop.wake("policy rules", { kind: "rival", text: `rival (${round})`, isRival: true });
      loop.wake("policy rules", { kind: "bystander", text: "bystander (8)", isRival: false });
      loop.wake("addresses", { kind: "another", text: "another (9)", isRival: true });
      await time.pass(300);
    }
    const contended = reported("contended") as Extract<LoopReport, { type: "contended" }>[];
    expect(contended[0]).toMatchObject({ keys: ["routes/policy"], by: ["policy rules, by rival (5)"] });
    expect(reported("stalled")[0]).toMatchObject({
      reason: "others (policy rules, by rival (5)) keep changing routes/policy",
    });
    const woken = reported("woken")[7] as Extract<LoopReport, { type: "woken" }>;
    expect(woken.reasons).toEqual([
      "policy rules, by rival (7)",
      "policy rules, by bystander (8)",
      "addresses, by another (9)",
    ]);
    expect(state.applies).toBeGreaterThan(5);
    expect(state.applies).toBeLessThanOrEqual(10);
    await time.pass(30_000);
    expect([loop.state, state.drifted]).toEqual(["inSync", []]);
  });

  test("repairs that fail are no fight", async () => {
    const { loop, time, reported } = world({
      apply: () => Promise.reject(new Error("a route of somebody else stands there")),
    });
    for (let round = 0; round < 8; round += 1) {
      loop.wake("routes");
      await time.pass(11_000);
    }
    expect(reported("contended")).toEqual([]);
    expect(reported("applying").length).toBeGreaterThanOrEqual(8);
  });

  test("a repair that fails is reported with who changed the same during it, not with who did before or changed something else", async () => {
    const rival = (text: string) => ({ kind: text, text, isRival: true });
    const { loop, time, state, reported } = world({
      apply: async () => {
        loop.wake("policy rules", rival("meddler (7)"));
        loop.wake("addresses", rival("another (9)"));
        throw new Error("the machine still differs");
      },
    });
    state.drifted = ["routes/policy"];
    loop.wake("policy rules", rival("earlier (6)"));
    await time.pass(300);
    expect(reported("stalled")[0]).toMatchObject({
      reason: "the machine still differs (changed since: policy rules, by meddler (7))",
    });
  });

  test("what a person proposes is never called a fight", async () => {
    const { loop, time, state, reported } = world();
    state.proposed = true;
    for (let round = 0; round < 8; round += 1) {
      state.drifted = ["routes/office"];
      loop.wake("config");
      await time.pass(300);
    }
    expect([state.applies, reported("contended").length]).toEqual([8, 0]);
  });

  test("stops only when what was begun has ended", async () => {
    const gate = Promise.withResolvers<void>();
    const { loop, time, reported } = world({ apply: () => gate.promise });
    loop.wake("start");
    await time.pass(300);
    const stopping = loop.stop();
    expect(reported("stopped")).toHaveLength(0);
    gate.resolve();
    await stopping;
    expect(reported("stopped")).toHaveLength(1);
  });

  test("reports its end once, after the plan in progress, and plans no more", async () => {
    const gate = Promise.withResolvers<void>();
    let plans = 0;
    const plan = async (): Promise<LoopPlan> => {
      plans += 1;
      await gate.promise;
      return { keys: [], proposed: false };
    };
    const { loop, time, reported } = world({ plan });
    loop.wake("start");
    await time.pass(300);
    const stopping = loop.stop();
    loop.wake("drift timer");
    await time.pass(60_000);
    expect(reported("stopped")).toHaveLength(0);
    gate.resolve();
    await stopping;
    loop.wake("routes");
    await time.pass(60_000);
    expect([reported("stopped").length, reported("woken").length, plans]).toEqual([1, 1, 1]);
  });

  test("B2: an event during an apply is not lost", async () => {
    const gate = Promise.withResolvers<void>();
    const { loop, time, state } = world({
      apply: async () => {
        await gate.promise;
        state.drifted = [];
      },
    });
    loop.wake("start");
    await time.pass(300);
    loop.wake("routes");
    await time.pass(300);
    gate.resolve();
    await time.pass(0);
    await time.pass(1_000);
    expect(state.plans).toBe(2);
  });
});
