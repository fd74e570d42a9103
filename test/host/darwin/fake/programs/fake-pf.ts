import { parsePf } from "../../pf/parse-pf.ts";
import type { PfHost, PfParsedRule } from "../../pf/pf-ruleset.ts";

/** What the kernel holds of one anchor. */
export interface FakeAnchor {
  readonly rules: readonly PfParsedRule[];
  readonly tables: ReadonlyMap<string, readonly PfHost[]>;
}

/** A connection that PF let through once, and passes ever after. */
export interface FakePfState {
  readonly protocol: "tcp" | "udp";
  readonly interface: string;
  readonly from: string;
  readonly to: string;
}

/** One `pfctl -E`, or DIOCSTARTREF. */
export interface FakeToken {
  readonly token: bigint;
  readonly pid: number;
  readonly program: string;
}

/** The main ruleset that /etc/pf.conf makes: Apple's wildcard and nothing else (darwin-notes 6). */
const STOCK_CONF = `scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
`;

/** A rule of the main ruleset; its ticket names it as long as it stands, and is 0 for every rule out of a file. */
export interface FakeMainRule {
  readonly rule: PfParsedRule;
  readonly ticket: bigint;
}

/** PF of a Mac: off at boot, stock rules, and whatever anchors were loaded. */
export class FakePf {
  enabled = false;
  readonly tokens: FakeToken[] = [];
  main: FakeMainRule[] = [];
  readonly anchors = new Map<string, FakeAnchor>();
  states: FakePfState[] = [];
  /**
   * Translation rules by the path of their anchor, "" for the main ruleset's, in the words of `pfctl -s nat` (print_rule of
   * OpenBSD 4.3): nat, then rdr, then binat. xnu takes them before any filter rule; one with `pass` ends the matter.
   */
  readonly translations = new Map<string, readonly string[]>([
    ["", ['nat-anchor "com.apple/*" all', 'rdr-anchor "com.apple/*" all']],
  ]);
  /** What rules have matched, by the rule; a rule that is loaded anew begins with nothing. */
  readonly matched = new Map<PfParsedRule, number>();
  /** On, with its rules loaded, and nothing comes of it: seen on Macs at the first start after an upgrade. */
  isDisregarded = false;
  /** Interfaces that are left alone (`set skip on`). */
  readonly skipped = new Set<string>();
  /** Changes with the main ruleset: what was counted before is stale after. */
  generation = 1;
  /** Changes with each load of an anchor. */
  loads = 1;
  #nextToken = 0x5a5a_0001_0000_0001n;
  #nextTicket = 77n;

  constructor() {
    this.reloadStockConf();
  }

  /** Takes a reference; PF runs from the first. */
  start(pid: number, program: string): bigint {
    const token = this.#nextToken;
    this.#nextToken += 0x111n;
    this.tokens.push({ token, pid, program });
    this.enabled = true;
    return token;
  }

  /** Gives a reference back: how many are left, or undefined for a token nobody holds. PF stops with the last. */
  stop(token: bigint): number | undefined {
    const at = this.tokens.findIndex((one) => one.token === token);
    if (at < 0) return undefined;
    this.tokens.splice(at, 1);
    if (this.tokens.length === 0) this.enabled = false;
    return this.tokens.length;
  }

  /**
   * Replaces an anchor with its inline anchors, whole or not at all; anchors below that the text does not have stay.
   * Throws PfSyntaxError, and then nothing changed.
   */
  load(path: string, text: string): void {
    const { rules, tables } = parsePf(text);
    this.loads += 1;
    this.#place(path, rules, tables);
  }

  /** What somebody's `pfctl -f /etc/pf.conf` does: the main ruleset is as in the file, named anchors stay. */
  reloadStockConf(): void {
    this.main = parsePf(STOCK_CONF).rules.map((rule) => ({ rule, ticket: 0n }));
    this.generation += 1;
  }

  /** Adds a rule to the end of the main ruleset and gives its ticket. */
  insert(rule: PfParsedRule): bigint {
    const ticket = this.#nextTicket;
    this.#nextTicket += 1n;
    this.main.push({ rule, ticket });
    this.generation += 1;
    return ticket;
  }

  /** Takes the first rule of that ticket out, whoever's it is (pf_delete_rule_by_ticket); false where there is none. */
  delete(ticket: bigint): boolean {
    const at = this.main.findIndex((one) => one.ticket === ticket);
    if (at < 0) return false;
    this.main.splice(at, 1);
    this.generation += 1;
    return true;
  }

  /** What somebody's `pfctl -d` does: off, and everybody's reference is gone. */
  disable(): void {
    this.enabled = false;
    this.tokens.length = 0;
  }

  #place(path: string, rules: readonly PfParsedRule[], tables: FakeAnchor["tables"]): void {
    if (rules.length > 0 || tables.size > 0) this.anchors.set(path, { rules, tables });
    else this.anchors.delete(path);
    for (const { anchor, body } of rules) {
      if (body !== undefined) this.#place(`${path}/${anchor}`, body, new Map());
    }
  }
}
