import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { LOOPBACK } from "../pf/link-rules.ts";
import { anchorCallText } from "../pf/printed/anchor-groups.ts";
import { type PrintedNames, type PrintedRule, parsePrintedRules, printedText } from "../pf/printed/parse-printed.ts";
import { CALLING_ANCHOR, PF_ANCHOR } from "../pf/render-pf.ts";
import type { Pfctl } from "./pfctl.ts";

const APPLE = "com.apple";
const DEEPEST = 8;

/** How the main ruleset calls awg's rules. */
export interface Reach {
  /** The main ruleset evaluates com.apple's anchors, as macOS's pf.conf does. */
  readonly hasWildcard: boolean;
  /** awg's anchor among com.apple's calls the policy. */
  readonly isCalledByApple: boolean;
  /** A rule of the main ruleset calls the policy directly. */
  readonly isCalledDirectly: boolean;
}

/** Whether the policy is evaluated for every packet. */
export function isReached({ hasWildcard, isCalledByApple, isCalledDirectly }: Reach): boolean {
  return (hasWildcard && isCalledByApple) || isCalledDirectly;
}

/** Reads the calls from the main ruleset to awg's rules. */
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
 * Rules of other programs that pass packets before awg's rules are evaluated: quick rules of the main ruleset and of earlier
 * anchors, translations with `pass` in any place, and interfaces that PF skips. Empty if the policy has no kill switch, because
 * then other programs may pass packets.
 */
export async function passesBefore(pf: Pfctl, names: PrintedNames, policy: FirewallPolicy | null): Promise<string[]> {
  if (policy?.layers.every(({ killSwitch }) => !killSwitch) === true) return [];
  const search = await searchBefore(pf, names, "pass");
  await search.translations("", 0);
  const skipped = (await pf.skippedInterfaces()).filter((name) => name !== LOOPBACK);
  return [...search.found, ...skipped.map((name) => `set skip on ${name}`)];
}

/** Whether a rule of another program may drop a packet before awg's rules are evaluated. */
export async function isStoppedBefore(pf: Pfctl, names: PrintedNames): Promise<boolean> {
  return (await searchBefore(pf, names, "block")).found.length > 0;
}

/** Searches the rules that PF evaluates before awg's: the main ruleset, and com.apple's anchors if one of them calls awg's. */
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

/** Searches quick pass or block rules and translations with `pass`, also in called anchors. */
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
   * xnu translates before it filters. After a translation with `pass` it evaluates no filter rule (natpass in pf_test_rule of
   * bsd/net/pf.c), so the place of awg's rules does not matter.
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

  /** The absolute paths of the anchors that a call names. */
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
