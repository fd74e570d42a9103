import { parseIpv4Number } from "../model/ip.ts";
import { canonicalPrefix, comparePrefix, parsePrefix, renderPrefix } from "../model/prefix.ts";

/** Canonical text of prefixes, sorted and unique; invalid texts are left out. */
export function sortedPrefixes(texts: readonly string[]): string[] {
  const quick = sortedQuickly(texts);
  if (quick !== undefined) return quick;
  const prefixes = texts.flatMap((text) => parsePrefix(text) ?? []).map(canonicalPrefix);
  prefixes.sort(comparePrefix);
  const sorted: string[] = [];
  for (const prefix of prefixes) {
    const text = renderPrefix(prefix);
    if (text !== sorted.at(-1)) sorted.push(text);
  }
  return sorted;
}

/** The same for canonical IPv4 prefixes, without bigints and new texts; undefined if there is any other. */
function sortedQuickly(texts: readonly string[]): string[] | undefined {
  const keyed: { readonly text: string; readonly key: number }[] = [];
  for (const text of texts) {
    const key = orderOf(text);
    if (key === undefined) return undefined;
    keyed.push({ text, key });
  }
  keyed.sort((a, b) => a.key - b.key);
  return keyed.filter(({ key }, index) => key !== keyed[index - 1]?.key).map(({ text }) => text);
}

/** The place of a canonical IPv4 prefix in the order of `comparePrefix`. An IPv4 address has one text only. */
function orderOf(text: string): number | undefined {
  const slash = text.indexOf("/");
  const address = parseIpv4Number(text.slice(0, Math.max(slash, 0)));
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  if (address === undefined || !(length <= 32) || String(length) !== digits) return undefined;
  return address % 2 ** (32 - length) === 0 ? address * 64 + length : undefined;
}
