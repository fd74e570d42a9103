import fc from "fast-check";
import { expect, test } from "vitest";
import { fallBackOn } from "../../src/app/apply/fallback.ts";
import type { Config } from "../../src/config/config.ts";
import { fallbackSwitches } from "../../src/model/firewall/fallback.ts";
import { FALLBACK_LIFETIME_MS } from "../../src/model/ownership.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import { checkPaths, oracleFacts, watchForLeaks } from "./leak-watch.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";
import { mayLeave } from "./oracle.ts";
import { probe } from "./probes.ts";
import { SEED } from "./seed.ts";
import { World } from "./world.ts";

const DIRECT = { kind: "direct" } as const;

/** Every third rule and the default fall back directly, every third to the other tunnels. */
const fallingArbitrary = configArbitrary.map((config) => ({
  ...config,
  rules: config.rules.map((rule, index) => {
    if (index % 3 === 0) return { ...rule, fallback: DIRECT };
    const others = Object.keys(config.tunnels).filter((name) => rule.via.kind === "tunnel" && name !== rule.via.tunnel);
    return index % 3 === 1 && others.length > 0
      ? { ...rule, fallback: { kind: "failover", tunnels: others } as const }
      : rule;
  }),
  default: { ...config.default, fallback: DIRECT },
}));

/** What the configuration says while these tunnels are down, by the table of the design. */
function whileDown(config: Config, down: readonly string[]): Config {
  const at = <T extends Pick<Config["default"], "via" | "fallback">>(one: T): T => {
    if (one.via.kind !== "tunnel" || !down.includes(one.via.tunnel)) return one;
    if (one.fallback.kind === "direct") return { ...one, via: DIRECT };
    const up = one.fallback.kind === "failover" ? one.fallback.tunnels.find((name) => !down.includes(name)) : undefined;
    return up === undefined ? one : { ...one, via: { kind: "tunnel", tunnel: up } };
  };
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
        const policy = desired.resources.find((resource) => resource.kind === "firewall")?.spec;
        const placed = policy?.layers.flatMap(({ tunnels }) => tunnels) ?? [];
        const down = placed.filter(() => isDown.next().value);
        const isNamed = (number: number) => down.some((tunnel) => tunnel.number === number);
        const known = policy === undefined ? [] : fallbackSwitches(policy);
        const switches = known.filter(({ path, to }) => isNamed(path) && !isNamed(to));
        const keys = down.map(({ device }) => device.replace("awg-", ""));
        const meaning = whileDown(config, keys);
        const { host } = world.deps;
        watchForLeaks(world, { before: config, after: meaning }, 6, reported * 1000);
        await fallBackOn(host, desired, switches);
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
        await fallBackOn(host, desired, switches);
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
