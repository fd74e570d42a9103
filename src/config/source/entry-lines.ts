import type { ConfigSource } from "../config-hash.ts";
import { placeDescriber } from "./locate-findings.ts";
import { childOf, keyPlace, type MapNode, nodeAt, type Place } from "./source-node.ts";

/** Characters of all lines: they are part of each status. A larger config gets those of its first entries. */
const MOST_CHARACTERS = 16_000;

/** `file:line` of the default, each tunnel and each rule: `default`, `tunnels/office`, `rules/0`, `rules/1 (media)`. */
export function entryLines(root: MapNode, sources: readonly ConfigSource[]): Record<string, string> {
  const describe = placeDescriber(sources);
  const lines: Record<string, string> = {};
  let characters = 0;
  for (const [entry, place] of entriesOf(root)) {
    const line = describe(place).replace(/:[0-9]+$/, "");
    characters += entry.length + line.length;
    if (characters > MOST_CHARACTERS) break;
    lines[entry] = line;
  }
  return lines;
}

function* entriesOf(root: MapNode): Generator<readonly [entry: string, place: Place]> {
  const [tunnels, rules] = [nodeAt(root, ["tunnels"]), nodeAt(root, ["rules"])];
  if (root.entries.has("default")) yield ["default", keyPlace(root, ["default"])];
  if (tunnels?.kind === "map") for (const [name, { key }] of tunnels.entries) yield [`tunnels/${name}`, key];
  if (rules?.kind !== "list") return;
  for (const [index, rule] of rules.items.entries()) {
    const name = childOf(rule, "name");
    const isNamed = name?.kind === "scalar" && typeof name.value === "string";
    yield [isNamed ? `rules/${index} (${name.value})` : `rules/${index}`, rule.place];
  }
}

/**
 * Those that are right for another text with the same names: a rule without a name may be another one at its number. Pure.
 */
export function linesByName(lines: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(lines).filter(([entry]) => !/^rules\/[0-9]+$/.test(entry)));
}
