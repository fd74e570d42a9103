import { canonicalJson } from "../../../model/canonical.ts";
import type { ClassSet, FlowMatch, FlowRule, PathRef } from "../../../model/firewall/policy.ts";

/**
 * Adds the rules for packets without a class (S4.13): at the place of the first rule by program, the strictest that
 * these rules could give. First all that block, then all that lead into a tunnel, which never fall back to direct. Rules
 * that grant the direct path do not hold for them.
 *
 * @param unclassified for each rule the packets without a class that it could be for; undefined for none
 */
export function withUnclassified(
  rules: readonly FlowRule[],
  unclassified: readonly (ClassSet | undefined)[],
): FlowRule[] {
  const first = unclassified.findIndex((classes) => classes !== undefined);
  if (first === -1) return [...rules];
  const all = rules.flatMap(({ origin, match, path }, index): FlowRule[] => {
    const { uids: _uids, ...traffic } = match;
    const classes = unclassified[index];
    if (classes === undefined) return [];
    return [{ origin: `${origin} without a class`, match: { ...traffic, classes }, path: withoutFallback(path) }];
  });
  const strict = [...all.filter(leadsTo("block")), ...all.filter(leadsTo("tunnel"))];
  return [...rules.slice(0, first), ...reachable(strict), ...rules.slice(first)];
}

function leadsTo(kind: PathRef["kind"]): (rule: FlowRule) => boolean {
  return ({ path }) => path.kind === kind;
}

function withoutFallback(path: PathRef): PathRef {
  if (path.kind !== "tunnel") return path;
  const { fallback: _fallback, substitutes: _substitutes, ...strict } = path;
  return strict;
}

/** Without rules that an earlier one with the same match hides, and those after one that matches all of their packets. */
function reachable(rules: readonly FlowRule[]): FlowRule[] {
  return rules.filter(({ match }, index) => !rules.slice(0, index).some((earlier) => hides(earlier.match, match)));
}

function hides({ classes: held, ...traffic }: FlowMatch, { classes, ...rest }: FlowMatch): boolean {
  if (Object.keys(traffic).length > 0 && canonicalJson(traffic) !== canonicalJson(rest)) return false;
  return (held !== undefined && "otherThan" in held) || canonicalJson(held) === canonicalJson(classes);
}
