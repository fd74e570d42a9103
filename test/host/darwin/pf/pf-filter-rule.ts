import { parseHost, parseInterfaceName, parseOperator, parseSides } from "./pf-hosts.ts";
import { GROUPS, ICMP_TYPES, ICMP6_TYPES, PROTOCOLS, USERS } from "./pf-names.ts";
import type { PfOptions, PfParsedRule, PfRange } from "./pf-ruleset.ts";
import type { PfTokens } from "./pf-tokens.ts";

const FIRST_ILLEGAL_ID = 2_147_483_647;
const LONGEST_TEXT = 63;
const STATE_OPTION =
  /^(?:max|no-sync|source-track|max-src-nodes|max-src-states|max-src-conn|max-src-conn-rate|if-bound|floating|sloppy|rule|global|[a-z]+\.[a-z]+)$/;

/** What stands between the action and the options; anchors and rules share it. */
export function parseSelection(tokens: PfTokens) {
  const interfaces = tokens.maybe("on") === undefined ? undefined : tokens.list(() => parseInterface(tokens));
  const route = parseRoute(tokens);
  const family = parseFamily(tokens);
  const protocols = tokens.maybe("proto") === undefined ? undefined : tokens.list(() => parseProtocol(tokens));
  return {
    ...(interfaces === undefined ? {} : { interfaces }),
    ...(route === undefined ? {} : { route }),
    ...(family === undefined ? {} : { family }),
    ...(protocols === undefined ? {} : { protocols }),
    ...parseSides(tokens),
  };
}

export function parseFamily(tokens: PfTokens): 4 | 6 | undefined {
  const word = tokens.maybe("inet", "inet6");
  return word === undefined ? undefined : word === "inet" ? 4 : 6;
}

export function parseInterface(tokens: PfTokens): { not: boolean; name: string } {
  return { not: tokens.maybe("!") !== undefined, name: parseInterfaceName(tokens) };
}

export function parseProtocol(tokens: PfTokens): number {
  const text = tokens.value();
  const value = /^\d+$/.test(text) ? Number(text) : PROTOCOLS.get(text);
  if (value === undefined) return tokens.fail(`unknown protocol ${text}`);
  return value > 255 ? tokens.fail("protocol outside range") : value;
}

/** A `pass` or `block` rule after its first word. */
export function parseFilterRule(tokens: PfTokens, action: "pass" | "block"): PfParsedRule {
  const line = tokens.line;
  const answer = action === "block" ? parseAnswer(tokens) : undefined;
  const direction = tokens.maybe("in", "out") as "in" | "out" | undefined;
  const quick = parseLogQuick(tokens);
  const selection = parseSelection(tokens);
  const options = parseOptions(tokens);
  const rule: PfParsedRule = {
    line,
    action,
    ...(direction === undefined ? {} : { direction }),
    quick,
    ...selection,
    options,
  };
  if (answer === "return-rst" && !(rule.protocols?.every((one) => one === 6) ?? false)) {
    tokens.fail("return-rst can only be applied to TCP rules");
  }
  if (action === "block" && options.state === "keep") tokens.fail("keep state on block rules doesn't make sense");
  if (rule.route !== undefined && direction === undefined) {
    tokens.fail("direction must be explicit with rules that specify routing");
  }
  return rule;
}

function parseAnswer(tokens: PfTokens): string | undefined {
  const word = tokens.maybe("drop", "return", "return-rst", "return-icmp", "return-icmp6");
  if (word?.startsWith("return-") && tokens.maybe("(") !== undefined) {
    while (tokens.maybe(")") === undefined) {
      if (tokens.maybe(",") === undefined) tokens.value();
    }
  }
  return word;
}

/** `log` and `quick` once each, in either order. */
function parseLogQuick(tokens: PfTokens): boolean {
  const seen = new Set<string>();
  for (;;) {
    const word = tokens.is(...["log", "quick"].filter((one) => !seen.has(one))) ? tokens.take().text : undefined;
    if (word === undefined) return seen.has("quick");
    seen.add(word);
    if (word === "log" && tokens.maybe("(") !== undefined) {
      do tokens.need("all", "user", "to");
      while (tokens.maybe(",") !== undefined);
      tokens.need(")");
    }
  }
}

function parseRoute(tokens: PfTokens): string | undefined {
  const word = tokens.maybe("route-to", "reply-to", "dup-to");
  if (word === undefined) return undefined;
  const families = tokens.list(() => {
    if (tokens.maybe("(") === undefined) return void parseInterfaceName(tokens);
    parseInterfaceName(tokens);
    const family = parseHost(tokens).prefix?.family;
    tokens.need(")");
    return family;
  });
  tokens.maybe("round-robin", "random", "source-hash", "bitmask");
  const family = tokens.is("inet") ? 4 : tokens.is("inet6") ? 6 : undefined;
  if (family !== undefined && families.some((one) => one !== undefined && one !== family)) {
    tokens.fail("no routing address with matching address family found.");
  }
  return word;
}

/** The options behind the hosts, in any order. */
function parseOptions(tokens: PfTokens): PfOptions {
  const options: PfOptions = {};
  while (parseOption(tokens, options)) {
    // Each call takes one option.
  }
  return options;
}

function parseOption(tokens: PfTokens, options: PfOptions): boolean {
  const { text } = tokens.peek;
  if (tokens.maybe("user", "group") !== undefined) {
    const [key, names] = text === "user" ? (["users", USERS] as const) : (["groups", GROUPS] as const);
    const ranges = tokens.list(() => parseId(tokens, text, names));
    options[key] = [...(options[key] ?? []), ...ranges];
  } else if (tokens.maybe("flags") !== undefined) options.flags = parseFlags(tokens);
  else if (tokens.maybe("icmp-type", "icmp6-type") !== undefined) {
    const family = text === "icmp-type" ? 4 : 6;
    options.icmp = { family, types: tokens.list(() => parseIcmpType(tokens, family)) };
  } else if (tokens.is("keep", "modulate", "synproxy", "no")) parseState(tokens, options);
  else if (tokens.maybe("fragment") !== undefined) options.isFragment = true;
  else if (tokens.maybe("allow-opts") !== undefined) options.allowsOptions = true;
  else if (tokens.maybe("label") !== undefined) options.label = shortText(tokens, "rule label too long");
  else if (tokens.maybe("tag", "tagged", "!") !== undefined) {
    if (text === "!") tokens.need("tagged");
    options.other = shortText(tokens, "tag too long");
  } else if (tokens.maybe("tos", "probability") !== undefined) {
    tokens.value();
    tokens.maybe("%");
    options.other = text;
  } else return false;
  return true;
}

function shortText(tokens: PfTokens, complaint: string): string {
  const text = tokens.name();
  return text.length > LONGEST_TEXT ? tokens.fail(`${complaint} (max 63 chars)`) : text;
}

function parseState(tokens: PfTokens, options: PfOptions): void {
  if (options.state !== undefined) tokens.fail("modulate or keep cannot be redefined");
  options.state = tokens.take().text === "no" ? "none" : "keep";
  tokens.need("state");
  if (tokens.maybe("(") === undefined) return;
  while (tokens.maybe(")") === undefined) {
    if (tokens.maybe(",") !== undefined || (tokens.peek.kind === "number" && tokens.number() >= 0)) continue;
    const word = tokens.name();
    if (!STATE_OPTION.test(word)) tokens.fail();
    if (word === "if-bound") options.isIfBound = true;
  }
}

function parseFlags(tokens: PfTokens): string {
  if (tokens.maybe("any") !== undefined) return "any";
  const set = tokens.is("/") ? "" : tokens.name();
  tokens.need("/");
  const mask = tokens.name();
  for (const letter of set + mask) if (!"FSRPAUEW".includes(letter)) tokens.fail(`bad flags ${letter}`);
  if ([...set].some((letter) => !mask.includes(letter))) tokens.fail("flags always false");
  return `${set}/${mask}`;
}

function parseIcmpType(tokens: PfTokens, family: 4 | 6): number {
  const text = tokens.value();
  const value = /^\d+$/.test(text) ? Number(text) : (family === 4 ? ICMP_TYPES : ICMP6_TYPES).get(text);
  if (value === undefined) return tokens.fail(`unknown icmp${family === 4 ? "" : "6"}-type ${text}`);
  if (tokens.maybe("code") !== undefined) tokens.value();
  return value > 255 ? tokens.fail("illegal icmp-type") : value;
}

function parseId(tokens: PfTokens, what: string, names: ReadonlyMap<string, number>): PfRange {
  const op = parseOperator(tokens);
  const from = idValue(tokens, what, names);
  const between = op === undefined ? tokens.maybe("><", "<>") : undefined;
  if (from === "unknown" && (between !== undefined || !["=", "!=", undefined].includes(op))) {
    return tokens.fail(`${what} unknown requires operator = or !=`);
  }
  if (between === undefined) return { op: op ?? "=", from };
  return { op: between as "><", from, to: idValue(tokens, what, names) as number };
}

function idValue(tokens: PfTokens, what: string, names: ReadonlyMap<string, number>): number | "unknown" {
  if (tokens.peek.kind === "number") {
    const value = tokens.number();
    return value < 0 || value >= FIRST_ILLEGAL_ID ? tokens.fail(`illegal id value ${value}`) : value;
  }
  const name = tokens.name();
  if (name === "unknown") return "unknown";
  return names.get(name) ?? tokens.fail(`unknown ${what} ${name}`);
}
