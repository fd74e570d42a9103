import type { FirewallObserved, FirewallPolicy } from "../../../model/firewall/policy.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../../../model/prefix.ts";
import { CANARY_WORDS, IDENTITY_WORD } from "../pf/link-rules.ts";
import { pfLabel } from "../pf/pf-rule.ts";
import { type PrintedNames, type PrintedRule, parsePrintedRules, printedText } from "../pf/printed/parse-printed.ts";
import { PF_ANCHOR, type RenderedPf, renderPf } from "../pf/render-pf.ts";
import type { FirewallRecord } from "./firewall-record.ts";
import type { Pfctl } from "./pfctl.ts";
import { isReached, passesBefore, readReach } from "./reach.ts";

const CANARY_LABEL = pfLabel(CANARY_WORDS);

/** The sources of a reading. */
export interface PolicySource {
  readonly pf: Pfctl;
  readonly names: PrintedNames;
  readonly record: FirewallRecord;
  /** Whether PF is on, and a reference of awg keeps it on. */
  readonly isHeld: () => boolean;
  /** Tests whether PF acts by its rules, given those of the outer anchor. Returns the problem, for people. */
  readonly findDisregard: (rules: readonly PrintedRule[]) => Promise<readonly string[]>;
}

/** awg's policy in PF and its damage. Every rule is read and compared, each time. */
export async function observePolicy(source: PolicySource): Promise<FirewallObserved> {
  const { pf, names, record } = source;
  const rules = parsePrintedRules(await pf.rules(PF_ANCHOR), names);
  if (rules.length === 0) return { policy: null, damage: [], held: false, holdable: false, droppedPackets: 0 };
  const identity = identityOf(rules);
  const policy = record.find(identity) ?? null;
  const { damage, droppedPackets } =
    policy === null
      ? { damage: [`the policy in PF anchor ${PF_ANCHOR} is unknown`], droppedPackets: dropped(rules) }
      : await compareWithPf(source, renderPf(policy, identity));
  const problems = [...damage, ...(await damageAround(source, policy))];
  const isToAct = problems.length === 0 && policy?.layers.some(({ killSwitch }) => killSwitch) === true;
  return {
    policy,
    damage: isToAct ? [...(await source.findDisregard(rules))] : problems,
    held: false,
    holdable: false,
    droppedPackets,
  };
}

/** The name of the loaded policy; "" if none of awg is loaded. */
export async function loadedIdentity({ pf, names }: Pick<PolicySource, "pf" | "names">): Promise<string> {
  return identityOf(parsePrintedRules(await pf.rules(PF_ANCHOR), names));
}

/** Compares rules and tables of every anchor with the rendered policy. */
export async function compareWithPf(
  { pf, names }: Pick<PolicySource, "pf" | "names">,
  { anchors, tables }: RenderedPf,
): Promise<{ readonly damage: readonly string[]; readonly droppedPackets: number }> {
  const damage: string[] = [];
  let droppedPackets = 0;
  for (const [path, groups] of anchors) {
    const rules = parsePrintedRules(await pf.rules(path), names);
    droppedPackets += dropped(rules);
    damage.push(...compareRules(path, groups, rules));
  }
  for (const [name, prefixes] of tables) {
    const found = await pf.table(PF_ANCHOR, name);
    if (found === undefined) damage.push(`the PF table ${name} of ${PF_ANCHOR} is gone`);
    else if (prefixSet(found) !== prefixSet(prefixes)) damage.push(`the PF table ${name} of ${PF_ANCHOR} was changed`);
  }
  return { damage, droppedPackets };
}

/** The order of rules counts, except among the rules of one expanded line. */
function compareRules(path: string, groups: readonly (readonly string[])[], rules: readonly PrintedRule[]): string[] {
  const wanted = groups.reduce((sum, group) => sum + group.length, 0);
  if (rules.length === 0 && wanted > 0) return [`the PF anchor ${path} is empty`];
  let at = 0;
  for (const group of groups) {
    const due = countTexts(group);
    const printed = rules.slice(at, at + group.length);
    for (const rule of printed) {
      const text = printedText(rule);
      const left = due.get(text) ?? 0;
      if (left === 0) return [`the PF anchor ${path} has a rule that is not ours: ${rule.line}`];
      due.set(text, left - 1);
    }
    if (printed.length < group.length) return [`rules of the PF anchor ${path} are gone`];
    at += group.length;
  }
  return rules.length > wanted ? [`the PF anchor ${path} has a rule that is not ours: ${rules[wanted]?.line}`] : [];
}

/** A list with a repeated value expands to the same rule twice. */
function countTexts(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Reasons for which complete rules do not decide: no rule calls them, PF is off, or other rules pass packets first. */
async function damageAround({ pf, names, isHeld }: PolicySource, policy: FirewallPolicy | null): Promise<string[]> {
  const reach = await readReach(pf, names);
  const before = await passesBefore(pf, names, policy);
  return [
    ...(isReached(reach) ? [] : [`PF's main ruleset does not lead to the anchor ${PF_ANCHOR}`]),
    ...(isHeld() ? [] : ["PF is off, or no reference of awg's keeps it on"]),
    ...before.map((line) => `another program's rule lets packets pass before ours: ${line}`),
  ];
}

function identityOf([first]: readonly PrintedRule[]): string {
  const prefix = pfLabel(`${IDENTITY_WORD} `);
  const label = first?.rule?.label ?? "";
  return label.startsWith(prefix) ? label.slice(prefix.length) : "";
}

/** Dropped packets, without awg's own canaries. */
function dropped(rules: readonly PrintedRule[]): number {
  const blocks = rules.filter(
    ({ line, rule }) => line.startsWith("block") && rule?.label.startsWith(CANARY_LABEL) !== true,
  );
  return blocks.reduce((sum, { packets }) => sum + packets, 0);
}

function prefixSet(texts: readonly string[]): string {
  const prefixes = texts.map((text) => {
    const prefix = parsePrefix(text);
    return prefix === undefined ? text : renderPrefix(canonicalPrefix(prefix));
  });
  return [...new Set(prefixes)].toSorted().join(" ");
}
