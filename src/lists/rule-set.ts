import type { DomainMatch } from "../model/dns/domain-match.ts";
import type { Prefix } from "../model/prefix.ts";
import { listFault, MAX_LIST_ENTRIES, quoted } from "./list-content.ts";
import { domainOf, type ListEntries, readPrefix } from "./list-entries.ts";

/** Keys of a rule with OR-ed values, so that they are entries of one list. */
const KEYS: Readonly<Record<string, DomainMatch["kind"] | "prefix">> = {
  domain: "exact",
  domain_suffix: "suffix",
  domain_keyword: "keyword",
  ip_cidr: "prefix",
};

/**
 * Reads a sing-box rule set in source form (sing-box.sagernet.org/configuration/rule-set/source-format). A rule may name
 * domains and prefixes only: every other key narrows it, which a list of destinations cannot. Pure.
 *
 * @throws AwgError config with the place of the fault in the file
 */
export function readRuleSet(name: string, text: string): ListEntries {
  const { rules } = objectOf(name, parseJson(name, text));
  if (!Array.isArray(rules)) throw listFault(name, "the rule set has no list of rules", 'it needs the key "rules"');
  const prefixes: Prefix[] = [];
  const domains: DomainMatch[] = [];
  for (const [index, one] of rules.entries()) {
    const place = `${name}: rules[${index}]`;
    for (const [key, value] of Object.entries(objectOf(place, one))) {
      const kind = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
      if (kind === undefined)
        throw listFault(place, `the key ${quoted(key)} is not supported in a list`, "use domains and ip_cidr only");
      for (const entry of Array.isArray(value) ? value : [value]) {
        const where = `${place}.${key}`;
        if (typeof entry !== "string") throw listFault(where, "an entry is not a text", "put it in quotes");
        if (prefixes.length + domains.length >= MAX_LIST_ENTRIES)
          throw listFault(where, `the list has more than ${MAX_LIST_ENTRIES} entries`, "split or shorten it");
        if (kind !== "prefix") domains.push(domainOf(where, kind, entry));
        else prefixes.push(prefixOf(where, entry));
      }
    }
  }
  return { prefixes, domains };
}

function prefixOf(place: string, text: string): Prefix {
  const prefix = readPrefix(place, text);
  if (prefix !== undefined) return prefix;
  throw listFault(place, `${quoted(text)} is not an IP prefix`, "for example 192.0.2.0/24");
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const at = /position ([0-9]+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const line = at === undefined ? "" : `:${text.slice(0, Number(at)).split("\n").length}`;
    throw listFault(`${name}${line}`, "the list begins as JSON and is not JSON", "check the file");
  }
}

function objectOf(place: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw listFault(place, "a map is needed here", "see sing-box's rule-set source format");
}
