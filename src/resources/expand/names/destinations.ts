import type { Config, Destination, Match, Rule } from "../../../config/config.ts";
import { DOMAIN_WITHOUT_SERVERS } from "../../../config/feature/refused-keys.ts";
import { GEOIP_DATABASE } from "../../../config/section/machine.ts";
import { nestedMatches } from "../../../config/section/nested-matches.ts";
import type { ListContent } from "../../../lists/list-content.ts";
import type { DomainMatch } from "../../../model/dns/domain-match.ts";
import type { NameSet } from "../../../model/dns/name-service.ts";
import { NAME_SET_PREFIX } from "../../../model/ownership.ts";
import { mergePrefixes, parsePrefix, renderPrefix } from "../../../model/prefix.ts";
import { sha256Hex } from "../../../model/sha256.ts";
import { counted } from "../../../model/text/counted.ts";
import { sortedPrefixes } from "../../prefix-list.ts";
import type { ExpandContext, Lists, Note } from "../expansion.ts";

const HASH_DIGITS = 12;

/** The name of a list or country in `Lists`; undefined for a prefix or domain. */
export function listKey(destination: Destination): string | undefined {
  if (destination.kind === "geoip") return `geoip ${destination.geoip}`;
  return destination.kind === "list" ? `list ${destination.list} ${destination.sha256 ?? ""}` : undefined;
}

/**
 * The prefixes that these destinations mean. An unchanged long list gives the same array: what is computed from it is
 * computed once for all rules and chains.
 */
export function destinationPrefixes(destinations: readonly Destination[], lists: Lists = {}): readonly string[] {
  const written = sortedPrefixes(destinations.flatMap((one) => (one.kind === "prefix" ? [one.prefix] : [])));
  const read = contentsOf(destinations, lists).map(({ prefixes }) => prefixes);
  const parts = [written, ...read].filter((part) => part.length > 0);
  const [first = [], ...others] = parts;
  if (others.length === 0) return first;
  return mergePrefixes(parts.flat().flatMap((text) => parsePrefix(text) ?? [])).map(renderPrefix);
}

/** The names that these destinations mean, once each and in order. */
function domainsOf(destinations: readonly Destination[], lists: Lists = {}): readonly DomainMatch[] {
  const written = destinations
    .filter((one) => one.kind === "domain")
    .map((one): DomainMatch => ({ kind: one.match, name: one.domain }));
  const all = [...written, ...contentsOf(destinations, lists).flatMap(({ domains }) => domains)];
  return [...new Map(all.map((one) => [`${one.kind} ${one.name}`, one])).values()];
}

/** The dynamic set of these destinations' names; undefined if they name none. */
export function nameSetFor(destinations: readonly Destination[], lists: Lists = {}): NameSet | undefined {
  const domains = domainsOf(destinations, lists);
  if (domains.length === 0) return undefined;
  // The same names have the same set under each policy, so that its addresses outlive a load.
  return { set: `${NAME_SET_PREFIX}${sha256Hex(JSON.stringify(domains)).slice(0, HASH_DIGITS)}`, domains };
}

function setsOf(match: Match, lists: Lists | undefined): readonly NameSet[] {
  return nestedMatches(match).flatMap(({ destinations = [] }) => nameSetFor(destinations, lists) ?? []);
}

/** Every dynamic set of a config, once. */
export function nameSetsIn({ config, lists }: Pick<ExpandContext, "config" | "lists">): readonly NameSet[] {
  const sets = config.rules.flatMap((rule) => setsOf(rule, lists));
  return [...new Map(sets.map((one) => [one.set, one])).values()];
}

/** The local files that rules read their destinations from, each once. */
export function listFilesOf({ rules, geoip }: Pick<Config, "rules" | "geoip">): readonly string[] {
  const named = rules.flatMap(nestedMatches).flatMap(({ destinations = [] }) => destinations);
  const files = named.flatMap((one) => {
    if (one.kind === "geoip") return [geoip?.database ?? GEOIP_DATABASE];
    return one.kind === "list" && one.sha256 === undefined ? [one.list] : [];
  });
  return [...new Set(files)];
}

/** Refuses names where no resolver of awg's could find their addresses. */
export function refuseNames({ config, lists, unsupported }: ExpandContext): void {
  for (const [index, { never, always }] of config.invariants.entries()) {
    if (setsOf(never ?? always ?? {}, lists).length > 0)
      unsupported.push({ path: `invariants.${index}`, message: "an invariant cannot name domains; name prefixes" });
  }
  if ((config.dns?.servers ?? []).length > 0) return;
  for (const [index, rule] of config.rules.entries()) {
    const path = `rules.${index}.destinations`;
    const isKnown = unsupported.some((one) => one.path === path || one.path === `rules.${index}`);
    if (!isKnown && setsOf(rule, lists).length > 0) unsupported.push({ path, message: DOMAIN_WITHOUT_SERVERS });
  }
}

/** How much each list of a rule matches. */
export function listNotes({ destinations = [] }: Rule, index: number, { lists }: ExpandContext): Note[] {
  return destinations.flatMap((one, position) => {
    const content = isList(one) ? contentsOf([one], lists)[0] : undefined;
    if (content === undefined) return [];
    const { prefixes, domains } = content;
    const names = domains.length === 0 ? [] : [counted(domains.length, "domain")];
    const networks = prefixes.length === 0 ? [] : [counted(prefixes.length, "prefix", "prefixes")];
    const message = `the list has ${[...networks, ...names].join(" and ")}`;
    return [{ path: `rules.${index}.destinations.${position}`, message }];
  });
}

function contentsOf(destinations: readonly Destination[], lists: Lists = {}): readonly ListContent[] {
  return destinations.filter(isList).flatMap((one) => lists[listKey(one) ?? ""] ?? []);
}

function isList({ kind }: Destination): boolean {
  return kind === "list" || kind === "geoip";
}
