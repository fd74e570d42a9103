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
  /** What is asked before ours and may let a packet pass for good; other programs'. */
  readonly before: readonly string[];
}

/** Whether some rule leads every packet to the policy. */
export function isReached({ hasWildcard, isCalledByApple, isCalledDirectly }: Reach): boolean {
  return (hasWildcard && isCalledByApple) || isCalledDirectly;
}

/** Reads the way from the main ruleset to ours, and what stands before it. */
export async function readReach(pf: Pfctl, names: PrintedNames): Promise<Reach> {
  const main = parsePrintedRules(await pf.rules(""), names);
  const calling = parsePrintedRules(await pf.rules(CALLING_ANCHOR), names);
  const isCalledByApple = calling.some((rule) => calls(rule, `/${PF_ANCHOR}`));
  const apple = main.findIndex((rule) => calls(rule, `${APPLE}/*`));
  const direct = main.findIndex((rule) => calls(rule, PF_ANCHOR) || calls(rule, `/${PF_ANCHOR}`));
  const ways = [...(isCalledByApple ? [apple] : []), direct].filter((index) => index >= 0);
  const first = Math.min(...ways);
  const inApple = ways.length > 0 && first === apple && isCalledByApple ? await appleSiblingsBefore(pf) : [];
  const before = ways.length === 0 ? [] : await passesAmong(pf, main.slice(0, first), "", 0);
  const deeper = await Promise.all(inApple.map((path) => passesIn(pf, names, path, 0)));
  return {
    hasWildcard: apple >= 0,
    isCalledByApple,
    isCalledDirectly: direct >= 0,
    before: [...before, ...deeper.flat()],
  };

  async function passesAmong(from: Pfctl, rules: readonly PrintedRule[], path: string, depth: number) {
    const found: string[] = [];
    for (const { line } of rules) {
      if (/^pass\b.* quick\b/.test(line)) found.push(`${line}${path === "" ? "" : ` (in ${path})`}`);
      const called = /^anchor "([^"]+)"/.exec(line)?.[1];
      if (called === undefined) continue;
      for (const inner of await anchorsMeant(from, called, path))
        found.push(...(await passesIn(from, names, inner, depth + 1)));
    }
    return found;
  }

  async function passesIn(from: Pfctl, known: PrintedNames, path: string, depth: number): Promise<string[]> {
    if (depth > DEEPEST) return [`the anchor ${path}, which calls too deep to be read`];
    return passesAmong(from, parsePrintedRules(await from.rules(path), known), path, depth);
  }
}

function calls(rule: PrintedRule, anchor: string): boolean {
  return printedText(rule) === anchorCallText(anchor);
}

/** PF asks the children of a wildcard in the order of their names. */
async function appleSiblingsBefore(pf: Pfctl): Promise<string[]> {
  const siblings = await pf.anchorsIn(APPLE);
  return siblings.filter((path) => path < CALLING_ANCHOR);
}

/** The anchors that a call means, by absolute path. */
async function anchorsMeant(pf: Pfctl, called: string, from: string): Promise<string[]> {
  const absolute = called.startsWith("/") ? called.slice(1) : from === "" ? called : `${from}/${called}`;
  return absolute.endsWith("/*") ? pf.anchorsIn(absolute.slice(0, -2)) : [absolute];
}
