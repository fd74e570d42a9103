import { type CanonicalRule, type CanonicalSide, canonicalText, UNCONDITIONAL } from "./canonical-rule.ts";

/** Names that pfctl prints instead of numbers (protocols(5), services(5)); undefined for a name they do not have. */
export interface PrintedNames {
  protocol(name: string): number | undefined;
  /** `protocol` is the name as printed before, tcp or udp. */
  port(name: string, protocol: string): number | undefined;
}

/** One rule as `pfctl -sr` printed it. */
export interface PrintedRule {
  readonly line: string;
  /** Undefined where the line says something that no rule of ours ever does. */
  readonly rule?: CanonicalRule;
  /** What the rule matched, where `-v` was asked for. */
  readonly packets: number;
}

const ICMP6_TYPES = ["routersol", "routeradv", "neighbrsol", "neighbradv", "redir"];
const FIRST_ICMP6_TYPE = 133;
const COMPARISON = /^(?:=|!=|<|<=|>|>=)$/;
const BETWEEN = /^(?:><|<>)$/;

/**
 * Reads what `pfctl -sr` prints, with `-v` or without (print_rule of OpenBSD 4.3's pfctl_parser.c; macOS leaves
 * `no state` out). Reading never fails: a line that it does not understand has no rule.
 */
export function parsePrintedRules(text: string, names: PrintedNames): PrintedRule[] {
  const found: { line: string; rule?: CanonicalRule; packets: number }[] = [];
  for (const line of text.split("\n")) {
    const counted = /^\s+\[ .*Packets: (\d+)/.exec(line);
    const last = found.at(-1);
    if (counted !== null && last !== undefined) last.packets += Number(counted[1]);
    if (line.trim() === "" || /^\s/.test(line)) continue;
    const rule = parsePrintedRule(line, names);
    found.push({ line, packets: 0, ...(rule === undefined ? {} : { rule }) });
  }
  return found;
}

/** The canonical text of a printed line; the line itself, marked, where it is not understood. */
export function printedText({ line, rule }: PrintedRule): string {
  return rule === undefined ? `not ours: ${line}` : canonicalText(rule);
}

function parsePrintedRule(line: string, names: PrintedNames): CanonicalRule | undefined {
  const words = line.match(/"[^"]*"|\S+/g) ?? [];
  return new PrintedLine(words, names).rule();
}

type Draft = { -readonly [K in keyof CanonicalRule]: CanonicalRule[K] };

class PrintedLine {
  readonly #words: readonly string[];
  readonly #names: PrintedNames;
  #at = 0;
  #protocolName = "";
  readonly #draft: Draft = { ...UNCONDITIONAL };

  constructor(words: readonly string[], names: PrintedNames) {
    this.#words = words;
    this.#names = names;
  }

  rule(): CanonicalRule | undefined {
    if (!this.#action()) return undefined;
    while (this.#at < this.#words.length) if (!this.#part()) return undefined;
    return this.#draft;
  }

  #take(): string {
    const word = this.#words[this.#at] ?? "";
    this.#at += 1;
    return word;
  }

  #maybe(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  #action(): boolean {
    const draft = this.#draft;
    const word = this.#take();
    if (word === "anchor") draft.action = `anchor ${unquoted(this.#take())}`;
    else if (word === "pass") Object.assign(draft, { action: "pass", state: "none" });
    else if (word === "block" && this.#maybe("drop")) draft.action = "block drop";
    else return false;
    return true;
  }

  /** One part of the rule; false for what no rule of ours has. */
  #part(): boolean {
    const word = this.#take();
    switch (word) {
      case "all":
        return true;
      case "in":
      case "out":
        return this.#set({ direction: word });
      case "quick":
        return this.#set({ isQuick: true });
      case "on":
        return this.#set({ on: `${this.#maybe("!") ? "!" : ""}${this.#take()}` });
      case "inet":
        return this.#set({ family: 4 });
      case "inet6":
        return this.#set({ family: 6 });
      case "proto":
        return this.#protocol();
      case "from":
        return this.#sides();
      case "fragment":
        return this.#set({ isFragment: true });
      case "allow-opts":
        return this.#set({ allowsOptions: true });
      case "label":
        return this.#set({ label: unquoted(this.#take()) });
      case "flags":
        return this.#set({ flags: flagsText(this.#take()) });
      default:
        return this.#option(word);
    }
  }

  #set(part: Partial<Draft>): true {
    Object.assign(this.#draft, part);
    return true;
  }

  #option(word: string): boolean {
    if (word === "keep") return this.#keptState();
    if (word === "no") return this.#maybe("state");
    if (word === "icmp-type" || word === "icmp6-type" || word === "ipv6-icmp-type") return this.#icmpType();
    if (word !== "user") return false;
    const range = this.#range((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
    this.#draft.user = range ?? "";
    return range !== undefined;
  }

  #protocol(): boolean {
    this.#protocolName = this.#take();
    const number = numberOr(this.#protocolName, (name) => this.#names.protocol(name));
    this.#draft.protocol = number ?? -1;
    return number !== undefined;
  }

  #sides(): boolean {
    const from = this.#side();
    const to = this.#maybe("to") ? this.#side() : undefined;
    if (from === undefined || to === undefined) return false;
    Object.assign(this.#draft, { from, to });
    return true;
  }

  #side(): CanonicalSide | undefined {
    const host = this.#maybe("!") ? `!${this.#host()}` : this.#host();
    if (!this.#maybe("port")) return { host, port: "" };
    const protocol = this.#protocolName;
    const port = this.#range((text) => numberOr(text, (name) => this.#names.port(name, protocol)));
    return port === undefined ? undefined : { host, port };
  }

  /** A table's name may come with the number of its addresses (print_addr), which is not the rule's. */
  #host(): string {
    return this.#take().replace(/^(<[^:>]+):(?:\d+|\*)>$/, "$1>");
  }

  /** `= 53`, `>= 1000`, `499 >< 601`, `8000:8999`, with names put back into numbers. */
  #range(numberOf: (text: string) => number | undefined): string | undefined {
    const first = this.#take();
    if (COMPARISON.test(first)) {
      const value = numberOf(this.#take());
      return value === undefined ? undefined : `${first} ${value}`;
    }
    const [low, high] = first.split(":").map(numberOf);
    if (low === undefined) return undefined;
    if (first.includes(":")) return high === undefined ? undefined : `${low}:${high}`;
    const between = this.#take();
    const last = numberOf(this.#take());
    return BETWEEN.test(between) && last !== undefined ? `${low} ${between} ${last}` : undefined;
  }

  #keptState(): boolean {
    if (!this.#maybe("state")) return false;
    this.#draft.state = this.#maybe("(if-bound)") ? "if-bound" : "floating";
    return this.#words[this.#at]?.startsWith("(") !== true;
  }

  #icmpType(): boolean {
    const text = this.#take();
    const named = ICMP6_TYPES.indexOf(text);
    const value = /^\d+$/.test(text) ? Number(text) : named < 0 ? undefined : FIRST_ICMP6_TYPE + named;
    this.#draft.icmpType = value ?? -1;
    return value !== undefined;
  }
}

function numberOr(text: string, lookUp: (name: string) => number | undefined): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : lookUp(text);
}

function flagsText(text: string): string {
  return text === "any" ? "" : text;
}

function unquoted(text: string): string {
  return text.replace(/^"|"$/g, "");
}
