import { existsSync } from "node:fs";
import { checkRule } from "./pf-check.ts";
import { parseFamily, parseFilterRule, parseInterface, parseSelection } from "./pf-filter-rule.ts";
import { parseHost, parseHosts, parsePort, parseTableName } from "./pf-hosts.ts";
import { LIMITS, TIMEOUTS } from "./pf-names.ts";
import type { PfHost, PfParsedRule, PfRuleset } from "./pf-ruleset.ts";
import { PfTokens } from "./pf-tokens.ts";

const ORDER = ["options", "normalization", "queueing", "translation", "dummynet", "filtering"] as const;
type Stage = (typeof ORDER)[number];
const LONGEST_COMPONENT = 63;

/**
 * Reads a ruleset of pf.conf as macOS' pfctl would: OpenBSD 4.3's grammar with Apple's anchors (pf-notes sections 2, 3).
 *
 * @throws PfSyntaxError with the line and what is wrong
 */
export function parsePf(text: string): PfRuleset {
  if (text.includes("\0")) throw new PfTokens("\0").fail();
  return new PfParser(text).parse();
}

class PfParser {
  readonly #tokens: PfTokens;
  readonly #tables = new Map<string, readonly PfHost[]>();
  readonly #rules: PfParsedRule[] = [];
  #stage = 0;
  #holdsOrder = true;

  constructor(text: string) {
    this.#tokens = new PfTokens(text);
  }

  parse(): PfRuleset {
    const tokens = this.#tokens;
    for (tokens.skipNewlines(); tokens.peek.kind !== "end"; tokens.skipNewlines()) {
      this.#statement();
      tokens.newline();
    }
    return { rules: this.#rules, tables: this.#tables };
  }

  #statement(): void {
    const tokens = this.#tokens;
    if (tokens.peek.kind !== "word") tokens.fail();
    const word = tokens.take().text;
    if (word === "pass" || word === "block") {
      this.#enter("filtering");
      this.#rules.push(checkRule(tokens, parseFilterRule(tokens, word)));
    } else if (word === "anchor") {
      this.#enter("filtering");
      this.#rules.push(parseAnchor(tokens));
    } else if (word === "antispoof") {
      this.#enter("filtering");
      this.#antispoof();
    } else if (word === "set") this.#option();
    else if (word === "table") this.#table();
    else if (word === "load") this.#load();
    else if (word === "include") this.#include();
    else if (word === "scrub") this.#scrub();
    else if (word.endsWith("-anchor")) this.#anchorPoint(word);
    else if (["nat", "rdr", "binat", "no"].includes(word)) this.#translation(word);
    else if (tokens.maybe("=") !== undefined) this.#macro(word);
    else tokens.fail();
  }

  #enter(stage: Stage): void {
    const at = ORDER.indexOf(stage);
    if (this.#holdsOrder && at < this.#stage) {
      this.#tokens.fail("Rules must be in order: options, normalization, queueing, translation, filtering");
    }
    this.#stage = Math.max(this.#stage, at);
  }

  #macro(name: string): void {
    const tokens = this.#tokens;
    let value = tokens.value();
    while (tokens.peek.kind !== "newline" && tokens.peek.kind !== "end") value += ` ${tokens.value()}`;
    tokens.define(name, value);
  }

  #option(): void {
    const tokens = this.#tokens;
    const name = tokens.name();
    if (name !== "skip") this.#enter("options");
    if (name === "skip") {
      tokens.need("on");
      tokens.list(() => parseInterface(tokens));
    } else if (name === "limit" || name === "timeout") {
      const isKnown = (word: string) => (name === "limit" ? LIMITS.has(word) : TIMEOUTS.test(word));
      tokens.list(() => {
        const word = tokens.name();
        if (!isKnown(word)) tokens.fail(`Bad ${name} name.`);
        tokens.number();
      });
    } else if (name === "require-order") this.#holdsOrder = tokens.need("yes", "no") === "yes";
    else if (name === "block-policy") tokens.need("drop", "return");
    else if (name === "state-policy") tokens.need("if-bound", "floating");
    else if (/^(?:optimization|loginterface|ruleset-optimization|debug|hostid|fingerprints)$/.test(name))
      tokens.value();
    else tokens.fail();
  }

  #table(): void {
    const tokens = this.#tokens;
    tokens.need("<");
    const name = parseTableName(tokens);
    tokens.need(">");
    let hosts: PfHost[] = [];
    for (;;) {
      if (tokens.maybe("persist", "const") !== undefined) continue;
      if (tokens.maybe("file") !== undefined) tokens.name();
      else if (tokens.is("{")) hosts = [...hosts, ...tableHosts(tokens)];
      else if (tokens.peek.kind === "word") tokens.fail(`invalid table option '${tokens.peek.text}'`);
      else break;
    }
    this.#tables.set(name, hosts);
  }

  #load(): void {
    this.#tokens.need("anchor");
    anchorName(this.#tokens);
    this.#tokens.need("from");
    this.#tokens.name();
  }

  #include(): void {
    const path = this.#tokens.name();
    if (!existsSync(path)) this.#tokens.fail(`${path}: No such file or directory`);
  }

  #anchorPoint(word: string): void {
    const stages: Record<string, Stage> = { "scrub-anchor": "normalization", "dummynet-anchor": "dummynet" };
    if (!/^(?:scrub|nat|rdr|binat|dummynet)-anchor$/.test(word)) this.#tokens.fail();
    this.#enter(stages[word] ?? "translation");
    anchorName(this.#tokens);
  }

  #scrub(): void {
    const tokens = this.#tokens;
    this.#enter("normalization");
    tokens.maybe("in", "out");
    parseSelection(tokens);
    for (;;) {
      if (tokens.maybe("no-df", "random-id") !== undefined) continue;
      if (tokens.maybe("max-mss", "min-ttl") !== undefined) tokens.number();
      else if (tokens.maybe("fragment") !== undefined) tokens.need("reassemble", "crop", "drop-ovl");
      else if (tokens.maybe("reassemble") !== undefined) tokens.need("tcp");
      else return;
    }
  }

  #antispoof(): void {
    const tokens = this.#tokens;
    tokens.maybe("log");
    tokens.maybe("quick");
    tokens.need("for");
    tokens.list(() => parseInterface(tokens));
    parseFamily(tokens);
    if (tokens.maybe("label") !== undefined) tokens.name();
  }

  #translation(word: string): void {
    const tokens = this.#tokens;
    this.#enter("translation");
    const kind = word === "no" ? tokens.need("nat", "rdr", "binat") : word;
    if (word !== "no" && tokens.maybe("pass") !== undefined && tokens.maybe("log") !== undefined) tokens.maybe("quick");
    const selection = parseSelection(tokens);
    if (tokens.maybe("tag", "tagged") !== undefined) tokens.name();
    checkRule(tokens, { line: tokens.line, action: "pass", quick: false, options: {}, ...selection });
    if (word === "no") return;
    if (tokens.maybe("->") === undefined) {
      tokens.fail(tokens.peek.kind === "newline" ? "translation rule requires '-> address'" : undefined);
    }
    const family = selection.family;
    const targets = parseHosts(tokens) ?? [];
    if (family !== undefined && targets.some(({ prefix }) => prefix !== undefined && prefix.family !== family)) {
      tokens.fail("no translation address with matching address family found.");
    }
    if (tokens.maybe("port") === undefined) return;
    if (kind === "rdr" && /^\d+:\*$/.test(tokens.peek.text)) tokens.take();
    else parsePort(tokens);
  }
}

function tableHosts(tokens: PfTokens): PfHost[] {
  return tokens.list(() => {
    const host = parseHost(tokens);
    return host.table === undefined ? host : tokens.fail("tables cannot contain tables");
  });
}

/** An anchor call, with its body where one is written; inside a body only rules and anchors may stand. */
function parseAnchor(tokens: PfTokens): PfParsedRule {
  const line = tokens.line;
  const anchor = anchorName(tokens);
  const rule = checkRule(tokens, { ...parseFilterRule(tokens, "pass"), action: "anchor" });
  const call = { ...rule, line, anchor };
  if (tokens.maybe("{") === undefined) return call;
  tokens.newline();
  const body: PfParsedRule[] = [];
  for (tokens.skipNewlines(); tokens.maybe("}") === undefined; tokens.skipNewlines()) {
    const word = tokens.need("pass", "block", "anchor");
    body.push(word === "anchor" ? parseAnchor(tokens) : checkRule(tokens, parseFilterRule(tokens, word as "pass")));
    tokens.newline();
  }
  return { ...call, body };
}

function anchorName(tokens: PfTokens): string {
  const name = tokens.name();
  if (name.split("/").some((part) => part.length > LONGEST_COMPONENT)) tokens.fail("strlcpy");
  if (/^\/?_/.test(name)) tokens.fail("anchor names beginning with '_' are reserved for internal use");
  return name;
}
