import type { Destination, Rule } from "../../config/config.ts";
import type { ListContent } from "../../lists/list-content.ts";
import { mergePrefixes, parsePrefix, renderPrefix } from "../../model/prefix.ts";
import { counted } from "../../model/text/counted.ts";
import { sortedPrefixes } from "../prefix-list.ts";
import type { ExpandContext, Lists } from "./expansion.ts";

/** The name of a list or country in `Lists`; undefined for a prefix or domain. */
export function listKey(destination: Destination): string | undefined {
  if (destination.kind === "geoip") return `geoip ${destination.geoip}`;
  return destination.kind === "list" ? `list ${destination.list} ${destination.sha256 ?? ""}` : undefined;
}

/**
 * The prefixes that these destinations mean. Long lists stay the same array while the list is the same, so that what is
 * computed from one is not computed again for each rule and chain.
 */
export function destinationPrefixes(destinations: readonly Destination[], lists: Lists = {}): readonly string[] {
  const written = sortedPrefixes(destinations.flatMap((one) => (one.kind === "prefix" ? [one.prefix] : [])));
  const read = contentsOf(destinations, lists).map(({ prefixes }) => prefixes);
  const parts = [written, ...read].filter((part) => part.length > 0);
  const [first = [], ...others] = parts;
  if (others.length === 0) return first;
  return mergePrefixes(parts.flat().flatMap((text) => parsePrefix(text) ?? [])).map(renderPrefix);
}

/** Says how much of each list a rule matches, and refuses what this version cannot match. */
export function noteLists({ destinations = [] }: Rule, index: number, context: ExpandContext): void {
  for (const [position, one] of destinations.entries()) {
    const content = contentsOf([one], context.lists)[0];
    if (content === undefined) continue;
    const path = `rules.${index}.destinations.${position}`;
    const { prefixes, domains } = content;
    context.notes.push({ path, message: `the list has ${counted(prefixes.length, "prefix", "prefixes")}` });
    if (domains.length > 0) {
      context.unsupported.push({
        path,
        message: `the list has ${counted(domains.length, "domain")}; only prefixes work yet`,
      });
    }
  }
}

function contentsOf(destinations: readonly Destination[], lists: Lists = {}): readonly ListContent[] {
  return destinations.flatMap((one) => lists[listKey(one) ?? ""] ?? []);
}
