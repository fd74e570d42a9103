import { canonicalPrefix, comparePrefix, parsePrefix, renderPrefix } from "../model/prefix.ts";

/** Canonical text of prefixes, sorted and unique; invalid texts are left out. */
export function sortedPrefixes(texts: readonly string[]): string[] {
  const prefixes = texts.flatMap((text) => parsePrefix(text) ?? []).map(canonicalPrefix);
  prefixes.sort(comparePrefix);
  const sorted: string[] = [];
  for (const prefix of prefixes) {
    const text = renderPrefix(prefix);
    if (text !== sorted.at(-1)) sorted.push(text);
  }
  return sorted;
}
