import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { LOOPBACK } from "../pf/link-rules.ts";
import { anchorCallText } from "../pf/printed/anchor-groups.ts";
import { type PrintedNames, type PrintedRule, parsePrintedRules, printedText } from "../pf/printed/parse-printed.ts";
import { CALLING_ANCHOR, PF_ANCHOR } from "../pf/render-pf.ts";
import type { Pfctl } from "./pfctl.ts";

const APPLE = "com.apple";
const DEEPEST = 8;

/** How packets come from the main ruleset to ours. */
export interface Reach {
  /** The main ruleset asks com.apple's anchors, as macOS's pf.conf has it. */
  readonly hasWildcard: boolean;
  /** Our anchor among com.apple's calls the policy. */
  readonly isCalledByApple: boolean;
  /** A rule of the main ruleset calls the policy by itself. */
  readonly isCalledDirectly: boolean;
}

/** Whether some rule leads every packet to the policy. */
export function isReached({ hasWildcard, isCalledByApple, isCalledDirectly }: Reach): boolean {
  return (hasWildcard && isCalledByApple) || isCalledDirectly;
}

/** Reads the way from the main ruleset to ours. */
export async function readReach(pf: Pfctl, names: PrintedNames): Promise<Reach> {
  const main = parsePrintedRules(await pf.rules(""), names);
  const calling = parsePrintedRules(await pf.rules(CALLING_ANCHOR), names);
  return {
    hasWildcard: main.some((rule) => calls(rule, `${APPLE}/*`)),
    isCalledByApple: calling.some((rule) => calls(rule, `/${PF_ANCHOR}`)),
    isCalledDirectly: main.some(callsPolicy),
  };
}

/**
 * What of other programs' lets packets pass for good before our rules are asked, whether they are called yet or not: rules
 * of the main ruleset and of anchors before ours, translations that pass wherever they stand, and interfaces that PF leaves
 * alone. Nothing where the policy has no kill switch: then a packet may pass by anybody's word.
 */
export async function passesBefore(pf: Pfctl, names: PrintedNames, policy: FirewallPolicy | null): Promise<string[]> {
  if (policy?.layers.every(({ killSwitch }) => !killSwitch) === true) return [];
  const search = await searchBefore(pf, names, "pass");
  await search.translations("", 0);
  const skipped = (await pf.skippedInterfaces()).filter((name) => name !== LOOPBACK);
  return [...search.found, ...skipped.map((name) => `set skip on ${name}`)];
}

/** Whether a rule of another program may stop a packet before ours are asked. */
export async function isStoppedBefore(pf: Pfctl, names: PrintedNames): Promise<boolean> {
  return (await searchBefore(pf, names, "block")).found.length > 0;
}

/** Looks through what PF asks before our rules: the main ruleset, and com.apple's anchors where one of them calls ours. */
async function searchBefore(pf: Pfctl, names: PrintedNames, action: "pass" | "block"): Promise<QuickSearch> {
  const main = parsePrintedRules(await pf.rules(""), names);
  const apple = main.findIndex((rule) => calls(rule, `${APPLE}/*`));
  const direct = main.findIndex(callsPolicy);
  const first = Math.min(...[apple, direct, main.length].filter((index) => index >= 0));
  const siblings = first === apple ? (await pf.anchorsIn(APPLE)).filter((path) => path < CALLING_ANCHOR) : [];
  const search = new QuickSearch(pf, names, action);
  await search.among(main.slice(0, first), "", 0);
  for (const path of siblings) await search.inside(path, 0);
  return search;
}

/** Looks for quick rules that let packets pass, or stop them, and for translations that pass; also through calls of anchors. */
class QuickSearch {
  readonly found: string[] = [];
  readonly #pf: Pfctl;
  readonly #names: PrintedNames;
  readonly #quick: RegExp;
  readonly #translated = new Set<string>();

  constructor(pf: Pfctl, names: PrintedNames, action: "pass" | "block") {
    this.#pf = pf;
    this.#names = names;
    this.#quick = action === "pass" ? /^pass\b.* quick\b/ : /^block\b.* quick\b/;
  }

  async among(rules: readonly PrintedRule[], path: string, depth: number): Promise<void> {
    for (const { line } of rules) {
      if (isOfLoopback(line)) continue;
      if (this.#quick.test(line)) this.found.push(path === "" ? line : `${line} (in ${path})`);
      const called = /^anchor "([^"]+)"/.exec(line)?.[1];
      if (called === undefined) continue;
      for (const inner of await this.#anchorsMeant(called, path)) await this.inside(inner, depth + 1);
    }
  }

  async inside(path: string, depth: number): Promise<void> {
    if (depth > DEEPEST) this.found.push(`the anchor ${path}, which calls too deep to be read`);
    else await this.among(parsePrintedRules(await this.#pf.rules(path), this.#names), path, depth);
  }

  /**
   * xnu translates before it filters, and after a translation with `pass` asks no filter rule at all (natpass in
   * pf_test_rule of bsd/net/pf.c): where ours stand is all the same.
   */
  async translations(path: string, depth: number): Promise<void> {
    if (this.#translated.has(path)) return;
    this.#translated.add(path);
    if (depth > DEEPEST) this.found.push(`the anchor ${path}, which calls too deep to be read`);
    else
      for (const line of linesOf(await this.#pf.translations(path))) {
        if (isOfLoopback(line)) continue;
        if (/^(?:nat|rdr|binat) pass\b/.test(line)) this.found.push(path === "" ? line : `${line} (in ${path})`);
        const called = /^(?:nat|rdr|binat)-anchor "([^"]+)"/.exec(line)?.[1];
        if (called === undefined) continue;
        for (const inner of await this.#anchorsMeant(called, path)) await this.translations(inner, depth + 1);
      }
  }

  /** The anchors that a call means, by absolute path. */
  async #anchorsMeant(called: string, from: string): Promise<string[]> {
    const absolute = called.startsWith("/") ? called.slice(1) : from === "" ? called : `${from}/${called}`;
    return absolute.endsWith("/*") ? this.#pf.anchorsIn(absolute.slice(0, -2)) : [absolute];
  }
}

function isOfLoopback(line: string): boolean {
  return / on (\S+) /.exec(line)?.[1] === LOOPBACK;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith(" "));
}

function callsPolicy(rule: PrintedRule): boolean {
  return calls(rule, PF_ANCHOR) || calls(rule, `/${PF_ANCHOR}`);
}

function calls(rule: PrintedRule, anchor: string): boolean {
  return printedText(rule) === anchorCallText(anchor);
}
