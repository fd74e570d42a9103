import type { DomainMatch } from "../model/dns/domain-match.ts";
import { AwgError } from "../model/error.ts";

/** What a list of destinations holds. */
export interface ListContent {
  /** The fewest canonical prefixes that cover the list, sorted. */
  readonly prefixes: readonly string[];
  readonly domains: readonly DomainMatch[];
}

/** The most bytes of a list; GeoLite2-Country has 9 MB. */
export const MAX_LIST_BYTES = 32 * 1024 * 1024;

/** The most entries of a list: a set of the kernel with more takes seconds to load. */
export const MAX_LIST_ENTRIES = 200_000;

/** A list that cannot be read, with the place of the fault. */
export function listFault(place: string, what: string, remedy: string): AwgError {
  return new AwgError("config", `${place}: ${what}`, { facts: { place }, remedy });
}

/** A text of a hostile file, short and printable. */
export function quoted(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(shown.replaceAll(/[^\x20-\x7e…]/g, "?"));
}
