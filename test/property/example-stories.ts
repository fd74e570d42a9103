import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { factsWantedBy } from "../../src/app/plan/facts-wanted.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { laptopState, type MachineState } from "../../src/host/simulated/machine-state.ts";
import type { Story } from "./laws.ts";
import type { StartingMachine } from "./machine-arbitrary.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");

/** Names of the examples that have a configuration. */
export const examples: readonly string[] = existsSync(EXAMPLES)
  ? readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, "config.yaml")))
  : [];

/** The example that this one gives way to. */
export function exampleAfter(name: string): string {
  return examples[(examples.indexOf(name) + 1) % examples.length] ?? name;
}

/** An example applied, exchanged for another one, destroyed, on a machine that knows its users and host names. */
export function exampleStories(
  name: string,
  base: () => MachineState = laptopState,
  other: string = exampleAfter(name),
): readonly Story[] {
  const [config, next] = [readExample(name), readExample(other)];
  const start = machineFor([config, next], base());
  return [
    { before: null, after: config, start, amnesia: false },
    { before: config, after: next, start, amnesia: false },
    { before: config, after: null, start, amnesia: false },
  ];
}

function readExample(name: string): Config {
  const path = join(EXAMPLES, name, "config.yaml");
  const { config, problems } = loadConfig([{ name: path, text: readFileSync(path, "utf8") }]);
  if (config === undefined) throw new Error(`${name}: ${problems.map(({ message }) => message).join("; ")}`);
  return config;
}

function machineFor(configs: readonly Config[], state: MachineState): StartingMachine {
  let next = 0;
  for (const { users, hosts } of configs.map(factsWantedBy)) {
    for (const user of users) state.users[user] ??= 2000 + next++;
    for (const host of hosts) state.hosts[host] ??= [`198.51.100.${100 + next++}`];
  }
  return { state, clean: state, traits: [] };
}
