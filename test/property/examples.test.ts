import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { factsWantedBy } from "../../src/compose/planning/facts-wanted.ts";
import type { Fault } from "../../src/host/simulated/faults.ts";
import { laptopState } from "../../src/host/simulated/machine-state.ts";
import type { Config } from "../../src/model/config/config.ts";
import { loadConfig } from "../../src/model/config/load-config.ts";
import { playWithFaultAt, rehearse } from "./laws.ts";
import type { StartingMachine } from "./machine-arbitrary.ts";
import { Tally } from "./tally.ts";
import { AWG } from "./world.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
const FAULTS: readonly Fault[] = [
  { kind: "crash-before" },
  { kind: "crash-after" },
  { kind: "fail", error: "host", times: 1 },
  { kind: "fail", error: "host", times: 100_000 },
];

const examples = existsSync(EXAMPLES)
  ? readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, "config.yaml")))
  : [];

function readExample(name: string): Config {
  const path = join(EXAMPLES, name, "config.yaml");
  const { config, problems } = loadConfig([{ name: path, text: readFileSync(path, "utf8") }]);
  if (config === undefined) throw new Error(`${name}: ${problems.map(({ message }) => message).join("; ")}`);
  return config;
}

/** A laptop that knows the users and host names of these configurations. */
function machineFor(configs: readonly Config[]): StartingMachine {
  const state = laptopState();
  let next = 0;
  for (const { users, hosts } of configs.map(factsWantedBy)) {
    for (const user of users) state.users[user] ??= 2000 + next++;
    for (const host of hosts) state.hosts[host] ??= [`198.51.100.${100 + next++}`];
  }
  return { state, clean: state, traits: [] };
}

describe("B1: every fault point of every example", () => {
  test("there are examples", () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples.map((name, index) => [name, examples[(index + 1) % examples.length] ?? name] as const))(
    "%s: applied, exchanged for %s, destroyed",
    { timeout: 300_000 },
    async (name, other) => {
      const [config, next] = [readExample(name), readExample(other)];
      const start = machineFor([config, next]);
      const tally = new Tally();
      const options = { makeup: AWG, tally, probesPerWrite: 4 };
      const stories = [
        { before: null, after: config },
        { before: config, after: next },
        { before: config, after: null },
      ];
      for (const story of stories) {
        const rehearsal = await rehearse({ ...story, start, amnesia: false }, options);
        if (rehearsal === undefined) throw new Error(`${name} cannot be applied here:\n${tally.print()}`);
        for (let at = 1; at <= rehearsal.writes; at += 1) {
          for (const fault of FAULTS) await playWithFaultAt(rehearsal, { at, fault }, undefined, options);
        }
      }
      console.log(`${name}: ${tally.get("runs")} fault points`);
      expect(tally.get("runs with a fault")).toBe(tally.get("runs"));
    },
  );
});
