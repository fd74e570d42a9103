import fc from "fast-check";
import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { DEFAULT_RECONCILE_INTERVALS } from "../../src/daemon/reconcile-intervals.ts";
import { type LoopPlan, ReconcileLoop } from "../../src/daemon/reconcile-loop.ts";
import type { EventFault } from "../../src/host/simulated/events.ts";
import { simulatedNetworkEvents } from "../../src/host/simulated/ports/network-events.ts";
import { stepsOf } from "../../src/model/plan.ts";
import { observeMachine } from "../../src/reconciler/apply/observe.ts";
import { planChanges } from "../../src/reconciler/plan/plan-changes.ts";
import { VirtualTime } from "../daemon/virtual-time.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import { FOREIGN_ACTS, KEEPER_DIES } from "./fault-arbitrary.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";
import { SEED } from "./seed.ts";
import { Tally } from "./tally.ts";
import { World } from "./world.ts";

const RUNS = 120;
/** Quiet time, the change itself, and a first retry. */
const PROMPT_MS = 5_000;

const eventFault: fc.Arbitrary<EventFault> = fc.oneof(
  fc.constantFrom<EventFault>({ kind: "lose" }, { kind: "double" }),
  fc.integer({ min: 1, max: 3 }).map((events): EventFault => ({ kind: "delay", events })),
);
const meddling = fc.array(
  fc.record({
    act: fc.constantFrom(...FOREIGN_ACTS, KEEPER_DIES),
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    fault: fc.option(eventFault),
  }),
  { minLength: 1, maxLength: 4 },
);

test("B2, law 4: lost, doubled or late events only delay the result; one resync repairs all", {
  timeout: 300_000,
}, async () => {
  const tally = new Tally();
  await fc.assert(
    fc.asyncProperty(machineArbitrary, configArbitrary, meddling, async (start, config, acts) => {
      const world = World.fresh(start.state);
      if ((await world.apply(config)).kind !== "done") return tally.add("not told");
      const { time, wake, stop } = watched(world, config);
      world.machine.events.schedule(
        acts.flatMap(({ fault }, index) => (fault === null ? [] : [{ at: index + 1, fault }])),
      );
      for (const { act, afterMs, fault } of acts) {
        world.machine.act(act);
        tally.add(`event ${fault?.kind ?? "told"}`);
        await time.pass(afterMs);
      }
      const isWhole = acts.every(({ fault }) => fault === null || fault.kind === "double");
      if (isWhole) {
        await time.pass(PROMPT_MS);
        expect(await differences(world), "without the drift timer").toEqual([]);
      } else if ((await differences(world)).length > 0) tally.add("drift that nobody heard of");
      world.machine.events.letThrough();
      await time.pass(DEFAULT_RECONCILE_INTERVALS.driftEveryMs);
      wake();
      await time.pass(PROMPT_MS);
      expect(await differences(world), "after one resync").toEqual([]);
      tally.add(isWhole ? "all heard" : "some unheard");
      await stop();
    }),
    { seed: SEED, numRuns: RUNS },
  );
  console.log(`seed ${SEED}\n${tally.print()}`);
  for (const kind of ["told", "lose", "double", "delay"]) expect(tally.get(`event ${kind}`), kind).toBeGreaterThan(10);
  for (const kind of ["all heard", "some unheard", "drift that nobody heard of"])
    expect(tally.get(kind), kind).toBeGreaterThan(5);
});

/** The daemon's loop on the machine, woken by its events; `wake` is the drift timer's. */
function watched(world: World, config: Config) {
  const time = new VirtualTime();
  const loop = new ReconcileLoop<LoopPlan>(
    {
      plan: async () => ({ keys: await differences(world), proposed: false }),
      apply: async () => {
        const result = await world.apply(config);
        if (result.kind !== "done" || !/applied|inSync/.test(result.outcome.kind)) throw new Error("it did not stand");
      },
    },
    {
      report: () => {},
      nowMs: () => time.nowMs,
      random: () => 0.5,
      setTimer: time.setTimer,
      limits: () => DEFAULT_RECONCILE_INTERVALS.limits,
    },
  );
  const watch = simulatedNetworkEvents(world.machine).watch(({ what }) => loop.wake(what));
  return {
    time,
    wake: () => loop.wake("drift timer"),
    stop: async () => {
      await loop.stop();
      await watch[Symbol.asyncDispose]();
    },
  };
}

async function differences({ deps }: World): Promise<string[]> {
  const desired = (await deps.stores.generations.latest())?.desired ?? { resources: [] };
  const ledger = await deps.stores.ledger.read();
  const observed = await observeMachine(deps.host, deps.registry, desired, ledger);
  const { plan } = planChanges({ desired, observed, ledger, registry: deps.registry });
  return stepsOf(plan).map(({ key }) => key);
}
