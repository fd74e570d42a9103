import { checkDomain } from "../config/field/domain.ts";
import { isFault } from "../config/field/fault.ts";
import type { DomainMatch } from "../model/dns/domain-match.ts";
import { hasHostBits, type Prefix, parsePrefix } from "../model/prefix.ts";
import { listFault, quoted } from "./list-content.ts";

/** Entries as a list has them, before prefixes are merged. */
export interface ListEntries {
  readonly prefixes: readonly Prefix[];
  readonly domains: readonly DomainMatch[];
}

/** A prefix of a list; undefined for a text that is none. Host bits are refused as in a config. */
export function readPrefix(place: string, text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  if (prefix === undefined || !text.includes("/") || !hasHostBits(prefix)) return prefix;
  throw listFault(place, `${quoted(text)} has address bits set after its length`, "write the network's first address");
}

/** A selector of names from a hostile text. */
export function domainOf(place: string, kind: DomainMatch["kind"], text: string): DomainMatch {
  if (kind === "keyword") {
    if (/^[a-z0-9._-]{1,63}$/i.test(text)) return { kind, name: text.toLowerCase() };
    throw listFault(place, `${quoted(text)} is not a keyword`, "use letters, digits, dots and dashes");
  }
  const name = checkDomain(text.replace(/^\./, ""));
  if (!isFault(name)) return { kind, name };
  throw listFault(place, `${quoted(text)} is neither a prefix nor a domain name`, "use one entry a line");
}
