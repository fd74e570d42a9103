import fc from "fast-check";
import { expect, test } from "vitest";
import { fallBackOn, fallbackTunnels } from "../../src/app/apply/fallback.ts";
import type { Config } from "../../src/config/config.ts";
import { FALLBACK_LIFETIME_MS } from "../../src/model/ownership.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import { checkPaths, oracleFacts, watchForLeaks } from "./leak-watch.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";
import { mayLeave } from "./oracle.ts";
import { probe } from "./probes.ts";
import { SEED } from "./seed.ts";
import { World } from "./world.ts";

const DIRECT = { kind: "direct" } as const;

/** Every other rule, and the default, falls back directly. */
const fallingArbitrary = configArbitrary.map((config) => ({
  ...config,
  rules: config.rules.map((rule, index) => (index % 2 === 0 ? { ...rule, fallback: DIRECT } : rule)),
  default: { ...config.default, fallback: DIRECT },
}));

/** What the configuration says while these tunnels are down, by the table of the design. */
function whileDown(config: Config, down: readonly string[]): Config {
  const at = <T extends Pick<Config["default"], "via" | "fallback">>(one: T): T =>
    one.via.kind === "tunnel" && one.fallback.kind === "direct" && down.includes(one.via.tunnel)
      ? { ...one, via: DIRECT }
      : one;
  return { ...config, rules: config.rules.map(at), default: at(config.default) };
}

/** How many probes leave a wire by the fallback alone. Throws where one leaves that nothing grants. */
function countFallenBack(world: World, usual: Config, meaning: Config): number {
  const facts = oracleFacts(world);
  let count = 0;
  for (let number = 0; number < 400; number += 1) {
    const packet = probe(number);
    const outcome = world.machine.send(packet);
    if (outcome.kind !== "leaves" || !outcome.physical) continue;
    expect(mayLeave(meaning, facts, packet, outcome.gateway), `seed ${SEED}: ${JSON.stringify(packet)}`).toBe(true);
    if (!mayLeave(usual, facts, packet, outcome.gateway)) count += 1;
  }
  return count;
}

test("laws 1, 3, 6: a fallback happens only where allowed, is not drift, ends by itself and leaves nothing", async () => {
  let [reported, fellBack] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      machineArbitrary,
      fallingArbitrary,
      fc.infiniteStream(fc.boolean()),
      async (start, config, isDown) => {
        const world = World.fresh(start.state);
        const applied = await world.apply(config);
        if (applied.kind !== "done" || applied.outcome.kind !== "applied") return;
        const desired = (await world.deps.stores.generations.latest())?.desired ?? { resources: [] };
        const down = fallbackTunnels(desired).filter(() => isDown.next().value);
        const keys = down.map(({ spec }) => spec.device.replace("awg-", ""));
        const meaning = whileDown(config, keys);
        const { host } = world.deps;
        watchForLeaks(world, { before: config, after: meaning }, 6, reported * 1000);
        await fallBackOn(
          host,
          desired,
          down.map(({ path }) => path),
        );
        if (world.violation !== undefined) throw world.violation;
        fellBack += countFallenBack(world, config, meaning);
        if (config.killSwitch.enabled) checkPaths(world, meaning, 40, reported * 40);

        const writes = world.machine.writes.length;
        expect(await world.apply(config)).toMatchObject({ outcome: { kind: "inSync" } });
        expect(world.machine.writes.length).toBe(writes);

        world.machine.advance(FALLBACK_LIFETIME_MS);
        if (config.killSwitch.enabled) expect(countFallenBack(world, config, config)).toBe(0);
        await fallBackOn(host, desired, []);
        checkPaths(world, config, 40, reported * 40);
        if (world.violation !== undefined) throw world.violation;
        await fallBackOn(
          host,
          desired,
          down.map(({ path }) => path),
        );
        expect(await world.destroy()).toMatchObject({ kind: "done" });
        expect(world.machine.live.rules.filter(({ protocol }) => protocol === 174)).toEqual(
          start.clean.rules.filter(({ protocol }) => protocol === 174),
        );
        reported += 1;
      },
    ),
    { seed: SEED, numRuns: 120 },
  );
  expect(reported).toBeGreaterThan(60);
  expect(fellBack).toBeGreaterThan(500);
}, 60_000);
