import type { Config } from "../../../src/config/config.ts";
import type { Rule } from "../../../src/config/section/rule.ts";
import { configArbitrary } from "../config-arbitrary.ts";
import { exampleStories } from "../example-stories.ts";
import type { Story } from "../laws.ts";
import { type Stories, storiesOn } from "../story-arbitrary.ts";
import { macArbitrary, macbookState } from "./mac-machine.ts";

/** A configuration that a Mac can follow, mostly: what a destination does not tell is blocked, or goes the default's way. */
function forMac(config: Config): Config {
  const { rules, default: usual, killSwitch } = config;
  const allow = killSwitch.allow.filter(({ direction }) => direction === "in" || usual.via.kind !== "tunnel");
  return { ...config, rules: rules.map((rule) => ruleForMac(rule, usual)), killSwitch: { ...killSwitch, allow } };
}

function ruleForMac(rule: Rule, { via: usual }: Config["default"]): Rule {
  const { ports, users, protocol, ...byDestination } = rule;
  if (ports === undefined && users === undefined && protocol === undefined) return rule;
  if (rule.via.kind === "block") return rule;
  return rule.destinations === undefined ? { ...rule, via: usual } : byDestination;
}

/** Random stories on MacBooks, with configurations that a Mac can follow. */
export const macStories: Stories = storiesOn(macArbitrary, configArbitrary.map(forMac));

/** The examples that a Mac can follow; each gives way to the one after it. */
const MAC_EXAMPLES = ["laptop", "laptop-full-tunnel", "renamed-tunnel", "server", "laptop"] as const;

/** Each of these examples applied, exchanged, destroyed on the MacBook. */
export const macExampleStories: readonly Story[] = MAC_EXAMPLES.slice(1).flatMap((other, index) =>
  exampleStories(MAC_EXAMPLES[index] ?? other, macbookState, other),
);
