import type { DomainMatch } from "../model/dns/domain-match.ts";
import { mergePrefixes, type Prefix, renderPrefix } from "../model/prefix.ts";
import { type ListContent, listFault, MAX_LIST_BYTES, MAX_LIST_ENTRIES, quoted } from "./list-content.ts";
import { domainOf, type ListEntries, readPrefix } from "./list-entries.ts";
import { readRuleSet } from "./rule-set.ts";

const KINDS: Readonly<Record<string, DomainMatch["kind"]>> = {
  full: "exact",
  exact: "exact",
  domain: "suffix",
  suffix: "suffix",
  keyword: "keyword",
};

/**
 * Reads a list of destinations: one prefix, address or domain a line, or sing-box's rule-set source as JSON. A line may
 * end in a comment after `#`. A domain means itself and every name below it, as does `domain:`; `full:` means the name
 * alone and `keyword:` every name that contains the text (the forms of v2fly/domain-list-community). Pure.
 *
 * @param name the file's path or address, for errors
 * @throws AwgError config with `name:line`
 */
export function parseList(name: string, text: string): ListContent {
  if (text.length > MAX_LIST_BYTES)
    throw listFault(name, `the list is larger than ${MAX_LIST_BYTES} bytes`, "split it");
  const { prefixes, domains } = /^\s*\{/.test(text) ? readRuleSet(name, text) : readLines(name, text);
  if (prefixes.length + domains.length === 0)
    throw listFault(name, "the list is empty", "check the path, or remove the rule");
  return { prefixes: mergePrefixes(prefixes).map(renderPrefix), domains };
}

function readLines(name: string, text: string): ListEntries {
  const prefixes: Prefix[] = [];
  const domains: DomainMatch[] = [];
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end;
    line += 1;
    const entry = withoutComment(text.slice(at, next));
    at = next + 1;
    if (entry === "") continue;
    if (prefixes.length + domains.length >= MAX_LIST_ENTRIES)
      throw listFault(`${name}:${line}`, `the list has more than ${MAX_LIST_ENTRIES} entries`, "split or shorten it");
    const prefix = readPrefix(`${name}:${line}`, entry);
    if (prefix !== undefined) prefixes.push(prefix);
    else domains.push(readDomain(`${name}:${line}`, entry));
  }
  return { prefixes, domains };
}

function withoutComment(line: string): string {
  const comment = line.search(/#|;|\/\//);
  return (comment < 0 ? line : line.slice(0, comment)).trim();
}

function readDomain(place: string, entry: string): DomainMatch {
  const [, word = "suffix", rest = ""] = /^(?:([a-z]+):)?(.*)$/s.exec(entry) ?? [];
  const kind = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined;
  if (kind === undefined) {
    const known = "use a prefix, a domain, full:, domain: or keyword:";
    throw listFault(place, `${quoted(word)} is no form of an entry`, known);
  }
  return domainOf(place, kind, rest);
}
