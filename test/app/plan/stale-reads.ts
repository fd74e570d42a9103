import fc from "fast-check";
import { expect } from "vitest";
import type { Planned } from "../../../src/app/plan/planned.ts";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { type SimulatedBench, stepTexts, type TunnelWish } from "../../compose/simulated-bench.ts";
import { SEED } from "../../support/seeded.ts";

/** A config, by the tunnels it has; each a step after which the machine is another. */
const configArbitrary: fc.Arbitrary<Readonly<Record<string, TunnelWish>>> = fc
  .tuple(fc.subarray(["a", "b", "c"]), fc.constantFrom(1400, 1380), fc.constantFrom(51_820, 443))
  .map(([names, mtu, port]) => Object.fromEntries(names.map((name) => [name, { mtu, port }])));

const storyArbitrary = fc.record({
  configs: fc.array(configArbitrary, { minLength: 2, maxLength: 4 }),
  /** How many steps lie between the reading that a plan is made of and its apply. */
  delay: fc.integer({ min: 1, max: 3 }),
  /** What another program does before each step. */
  rival: fc.array(fc.constantFrom("route", "device", "nothing"), { minLength: 8, maxLength: 8 }),
});

/** What the late plans of some stories met. */
interface Met {
  late: number;
  route: number;
  device: number;
  changed: number;
}

/**
 * Plays stories in which each of two to four configurations is applied late too: by a plan made of what the machine was
 * some steps before. Each such plan is carried out against what the machine is now: nothing of others is touched, and
 * nothing is left over.
 */
export async function playLatePlans(bench: () => SimulatedBench, stories: number): Promise<Met> {
  const met: Met = { late: 0, route: 0, device: 0, changed: 0 };
  await fc.assert(
    fc.asyncProperty(storyArbitrary, async ({ configs, delay, rival }) => {
      const on = bench();
      const texts = configs.map((tunnels) => on.config(tunnels));
      // The first secret makes the key that ids of secrets are made with; a plan before it writes none.
      await on.apply(on.config({ first: {} }));
      const late: { readonly due: number; readonly text: string; readonly planned: Planned }[] = [];
      const meddled: string[] = [];
      for (let step = 0; step < texts.length + delay; step++) {
        const text = texts[step];
        if (text !== undefined) late.push({ due: step + delay, text, planned: await on.plan(text) });
        if (text !== undefined) await on.apply(text);
        if (meddle(on, rival[step] ?? "nothing", step)) meddled[step] = rival[step] ?? "";
        for (const { text: wanted, planned } of late.filter(({ due }) => due === step)) {
          const kinds = meddled.slice(step - delay, step + 1).filter(Boolean);
          met.late += 1;
          if (kinds.includes("route")) met.route += 1;
          if (kinds.includes("device")) met.device += 1;
          if (await carriedOutLate(on, wanted, planned)) met.changed += 1;
        }
      }
    }),
    { seed: SEED, numRuns: stories },
  );
  return met;
}

/** Whether it changed anything, after it was seen to be right. */
async function carriedOutLate(on: SimulatedBench, text: string, planned: Planned): Promise<boolean> {
  const before = foreignOf(on);
  const { changed } = await on.ask((session) =>
    session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined }),
  );
  expect(foreignOf(on)).toEqual(before);
  expect(stepTexts(await on.plan(text))).toEqual([]);
  await on.apply(text);
  return changed;
}

/** Adds a route of somebody else, or takes a device of ours away with all that stood on it. */
function meddle(on: SimulatedBench, how: string, step: number): boolean {
  const state = JSON.parse(on.read()) as MachineState;
  const ours = state.links.find(({ alias }) => alias?.startsWith("awg:"));
  if (how === "route") {
    const gateway = "192.168.1.1";
    const place = { family: 4, table: 254, destination: "203.0.113.0/24", metric: 500 + step } as const;
    state.routes.push({ ...place, type: "unicast", device: "eth0", gateway, protocol: 4 });
  } else if (how === "device" && ours !== undefined) {
    state.links = state.links.filter((link) => link !== ours);
    state.routes = state.routes.filter(({ device }) => device !== ours.device);
    state.engines = state.engines.filter(({ device }) => device !== ours.device);
  } else return false;
  on.meddle(() => JSON.stringify(state));
  return true;
}

function foreignOf(on: SimulatedBench): unknown {
  const { links, routes, foreignTables } = JSON.parse(on.read()) as MachineState;
  const devices = links.filter(({ alias }) => alias === null);
  return { devices, routes: routes.filter(({ protocol }) => protocol !== 174), foreignTables };
}
