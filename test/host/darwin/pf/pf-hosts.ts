import { parsePrefix } from "../../../../src/model/prefix.ts";
import { INTERFACES, SERVICES } from "./pf-names.ts";
import type { PfHost, PfParsedSide, PfRange } from "./pf-ruleset.ts";
import type { PfTokens } from "./pf-tokens.ts";

const LONGEST_TABLE = 31;
const LONGEST_INTERFACE = 15;
const MODIFIER = /^([^:]+)(?::(network|broadcast|peer|0))?$/;

/** `any` as undefined, one host, or a list of them. */
export function parseHosts(tokens: PfTokens): PfHost[] | undefined {
  if (tokens.maybe("any") !== undefined) return undefined;
  return tokens.list(() => parseHost(tokens));
}

/** One host: `[!] address[/length]`, `(interface)`, `<table>`, `self`, `no-route`. */
export function parseHost(tokens: PfTokens): PfHost {
  const not = tokens.maybe("!") !== undefined;
  const special = tokens.maybe("no-route", "urpf-failed", "self");
  if (special !== undefined) return { not, other: special };
  if (tokens.maybe("<") !== undefined) {
    const table = parseTableName(tokens);
    tokens.need(">");
    return { not, table };
  }
  if (tokens.maybe("(") !== undefined) {
    const other = parseInterfaceName(tokens);
    tokens.need(")");
    return { not, other: `(${other})` };
  }
  const text = tokens.value();
  const length = tokens.maybe("/") === undefined ? undefined : tokens.number();
  return { not, ...resolveHost(tokens, text, length) };
}

export function parseTableName(tokens: PfTokens): string {
  const name = tokens.name();
  return name.length > LONGEST_TABLE ? tokens.fail("table name too long, max 31 chars") : name;
}

export function parseInterfaceName(tokens: PfTokens): string {
  const name = tokens.value();
  const bare = MODIFIER.exec(name)?.[1] ?? name;
  return bare.length > LONGEST_INTERFACE ? tokens.fail("interface name too long") : name;
}

/** `[from A] [to B]`, each with its ports, or `all`. */
export function parseSides(tokens: PfTokens): { from: PfParsedSide; to: PfParsedSide } {
  if (tokens.maybe("all") !== undefined) return { from: {}, to: {} };
  const from = tokens.maybe("from") === undefined ? {} : parseSide(tokens);
  const to = tokens.maybe("to") === undefined ? {} : parseSide(tokens);
  return { from, to };
}

/** Ports of a side: `port 1`, `port { 1 2:3 != 4 5><6 }`. */
export function parsePort(tokens: PfTokens): PfRange {
  const op = parseOperator(tokens);
  const text = tokens.value();
  const between = op === undefined ? tokens.maybe("><", "<>") : undefined;
  if (between !== undefined) {
    return { op: between as "><", from: portNumber(tokens, text), to: portNumber(tokens, tokens.value()) };
  }
  const [first = "", last] = text.split(":");
  const from = portNumber(tokens, first);
  if (last === undefined) return { op: op ?? "=", from };
  return op === undefined ? { op: ":", from, to: portNumber(tokens, last) } : tokens.fail();
}

/** A comparison written before one number; undefined where there is none. */
export function parseOperator(tokens: PfTokens): PfRange["op"] | undefined {
  const first = tokens.maybe("=", "!", "<", ">");
  if (first === undefined || first === "=") return first as "=" | undefined;
  const equal = tokens.maybe("=") !== undefined;
  if (first === "!") return equal ? "!=" : tokens.fail();
  return (equal ? `${first}=` : first) as "<" | ">=";
}

function parseSide(tokens: PfTokens): PfParsedSide {
  const hosts = tokens.is("port") ? undefined : parseHosts(tokens);
  const ports = tokens.maybe("port") === undefined ? undefined : tokens.list(() => parsePort(tokens));
  return { ...(hosts === undefined ? {} : { hosts }), ...(ports === undefined ? {} : { ports }) };
}

function portNumber(tokens: PfTokens, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : SERVICES.get(text);
  if (value === undefined) return tokens.fail(`unknown port ${text}`);
  return value > 65_535 ? tokens.fail(`illegal port value ${value}`) : value;
}

function resolveHost(tokens: PfTokens, text: string, length: number | undefined): Omit<PfHost, "not"> {
  const [bare = "", zone] = text.split("%");
  if (zone !== undefined && !INTERFACES.has(zone)) return tokens.fail(`no IP address found for ${text}`);
  const prefix = parsePrefix(length === undefined ? bare : `${bare}/${length}`);
  if (prefix !== undefined) return { prefix };
  if (parsePrefix(bare) !== undefined) return tokens.fail(`netmask ${length} invalid for ${bare}`);
  const name = MODIFIER.exec(text)?.[1] ?? text;
  return INTERFACES.has(name) ? { other: text } : tokens.fail(`no IP address found for ${text}`);
}
