import { AwgError } from "../../../model/error.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";

/** Our service in the dynamic store; no network service of the system has this name. */
export const RESOLVER_SERVICE = "61776721-0000-4000-8000-000000000053";
/** Our key, and configd's key for names without their own resolver. */
export const DNS_KEY = `State:/Network/Service/${RESOLVER_SERVICE}/DNS`;
export const GLOBAL_DNS_KEY = "State:/Network/Global/DNS";

/**
 * The primary service's resolver has 200,000; of two resolvers for all names the lower order wins
 * (dns-configuration.c).
 */
const SEARCH_ORDER = 100_000;
/** Words that scutil reads back unchanged: no blank, quote, backslash or control character. */
const PLAIN_WORD = /^[\w.:%-]+$/;

/**
 * The script for scutil(8) that sets our key to the spec and shows it. The empty match domain makes our servers those
 * of all names; an empty word is written as quotes. Search domains become match domains: configd ignores SearchDomains
 * of such a resolver and searches its match domains (add_supplemental and extract_search_domains of configd's
 * Plugins/IPMonitor/dns-configuration.c).
 *
 * @throws AwgError("config") for a value that scutil would parse differently
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

/** The script that removes our key and shows that it is gone. */
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
 * Parses scutil's last output; undefined for "No such key". scutil always exits with 0 and prints errors on standard
 * output, so any output beside one dictionary is an error.
 *
 * @throws AwgError("host" or "permission") with scutil's message
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

/** The search domains of a resolver for certain names: its match domains, except the empty one. */
export function searchOf(value: StoreValue | undefined): readonly string[] {
  return listOf(value, "SupplementalMatchDomains").filter((domain) => domain !== "");
}

/** The texts of a list. */
export function listOf(value: StoreValue | undefined, key: string): readonly string[] {
  const found = value?.get(key);
  return typeof found === "string" || found === undefined ? [] : found;
}

/** Indented by two blanks; the lines of a list are `index : value`, and an empty value ends with the colon. */
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
  throw new AwgError("config", `${JSON.stringify(text)} is not a valid server or domain of the system resolver`);
}

function refusal(complaint: string): AwgError {
  const refused = /permission denied|not permitted/i.test(complaint);
  return new AwgError(
    refused ? "permission" : "host",
    `scutil refused to change the system resolver: ${complaint}`,
    refused ? { remedy: permissionRemedy() } : {},
  );
}
