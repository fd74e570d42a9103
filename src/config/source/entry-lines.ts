import type { ConfigSource } from "../config-hash.ts";
import { placeDescriber } from "./locate-findings.ts";
import { keyPlace, type MapNode, nodeAt, type Place } from "./source-node.ts";

/** Characters of all lines: they are part of each status. A larger config gets those of its first entries. */
const MOST_CHARACTERS = 16_000;

/** `file:line` of the default, each tunnel and each rule: `default`, `tunnels/office`, `rules/0`. */
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
  if (rules?.kind === "list") for (const [index, { place }] of rules.items.entries()) yield [`rules/${index}`, place];
}
