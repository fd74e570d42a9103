import { AwgError } from "../../../model/error.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";

/** The service of ours in the dynamic store; no network service of the system has this name, which awg alone uses. */
export const RESOLVER_SERVICE = "61776721-0000-4000-8000-000000000053";
/** Our key, and the one in which configd says what holds for names that nobody claims. */
export const DNS_KEY = `State:/Network/Service/${RESOLVER_SERVICE}/DNS`;
export const GLOBAL_DNS_KEY = "State:/Network/Global/DNS";

/** The primary service's resolver has 200,000; of two that take all names the lower is asked (dns-configuration.c). */
const SEARCH_ORDER = 100_000;
/** What scutil's own grammar reads back as it was written: no blank, quote, backslash or control character. */
const PLAIN_WORD = /^[\w.:%-]+$/;

/**
 * The script for scutil(8) that makes our key what the specification says and shows it. The empty match domain makes our
 * servers those of all names; quotes are how an empty word is written. A search domain is one more match domain: configd
 * leaves SearchDomains of such a resolver out, and searches its match domains instead (add_supplemental and
 * extract_search_domains of configd's Plugins/IPMonitor/dns-configuration.c).
 *
 * @throws AwgError("config") for a value that scutil would read as something else
 */
export function renderResolverScript({ servers, search }: Pick<ResolverSpec, "servers" | "search">): string {
  return [
    "d.init",
    `d.add ServerAddresses * ${servers.map(plainWord).join(" ")}`,
    ["d.add SupplementalMatchDomains *", '""', ...search.map(plainWord)].join(" "),
    `d.add SearchOrder # ${SEARCH_ORDER}`,
    `set ${DNS_KEY}`,
    `show ${DNS_KEY}`,
    "quit",
    "",
  ].join("\n");
}

/** The script that takes our key away and shows that it is gone. */
export function renderRemovalScript(): string {
  return [`remove ${DNS_KEY}`, `show ${DNS_KEY}`, "quit", ""].join("\n");
}

/** The script that shows one key. */
export function renderShowScript(key: string): string {
  return [`show ${key}`, "quit", ""].join("\n");
}

/** A dictionary as scutil shows it: single values and lists of texts. */
export type StoreValue = ReadonlyMap<string, string | readonly string[]>;

/**
 * What scutil showed last; undefined for "No such key". scutil ends with 0 whatever happened and says errors on standard
 * output, so that anything else that it says beside one dictionary is an error.
 *
 * @throws AwgError("host" or "permission") with scutil's own words
 */
export function parseShown(stdout: string): StoreValue | undefined {
  const lines = stdout.split("\n").filter((line) => line.trim() !== "");
  const start = lines.findIndex((line) => line.startsWith("<dictionary>"));
  const said = (start < 0 ? lines : lines.slice(0, start)).map((line) => line.trim());
  const complaint = said.find((line) => line !== "No such key");
  if (complaint !== undefined) throw refusal(complaint);
  if (start < 0) return undefined;
  return parseDictionary(lines.slice(start + 1));
}

/** The search domains that a resolver of chosen names brings along: its own, but for the empty one. */
export function searchOf(value: StoreValue | undefined): readonly string[] {
  return listOf(value, "SupplementalMatchDomains").filter((domain) => domain !== "");
}

/** The texts of a list, whatever stands there. */
export function listOf(value: StoreValue | undefined, key: string): readonly string[] {
  const found = value?.get(key);
  return typeof found === "string" || found === undefined ? [] : found;
}

/** Two blanks a level; a list's lines are `index : value`, and an empty value ends with the colon. */
function parseDictionary(lines: readonly string[]): StoreValue {
  const found = new Map<string, string | readonly string[]>();
  let list: string[] | undefined;
  for (const line of lines) {
    const [, indent = "", name = "", value = ""] = /^( *)(\S+) :(?: (.*))?$/.exec(line) ?? [];
    if (indent.length === 2) {
      list = value.startsWith("<array>") ? [] : undefined;
      found.set(name, list ?? value);
    } else if (indent.length === 4) list?.push(value.trim());
  }
  return found;
}

function plainWord(text: string): string {
  if (PLAIN_WORD.test(text)) return text;
  throw new AwgError("config", `${JSON.stringify(text)} can be neither a server nor a domain of the system resolver`);
}

function refusal(complaint: string): AwgError {
  const refused = /permission denied|not permitted/i.test(complaint);
  return new AwgError(
    refused ? "permission" : "host",
    `scutil would not change the system resolver: ${complaint}`,
    refused ? { remedy: permissionRemedy() } : {},
  );
}
