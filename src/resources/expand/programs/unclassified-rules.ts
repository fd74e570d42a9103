import { canonicalJson } from "../../../model/canonical.ts";
import type { ClassSet, FlowRule, PathRef } from "../../../model/firewall/policy.ts";

/**
 * Adds the rules for programs without a class (S4.13): at the place of the first rule by program, the strictest that
 * these rules could give. First all that block, then all that lead into a tunnel, which never fall back to direct. Rules
 * that grant the direct path do not hold for them.
 */
export function withUnclassified(rules: readonly FlowRule[], unclassified: ClassSet): FlowRule[] {
  const first = rules.findIndex(({ match }) => match.classes !== undefined);
  if (first === -1) return [...rules];
  const byProgram = rules.filter(({ match }) => match.classes !== undefined);
  const strict = [...byProgram.filter(leadsTo("block")), ...byProgram.filter(leadsTo("tunnel"))].map(
    ({ origin, match, path }): FlowRule => ({
      origin: `${origin} without a class`,
      match: { ...match, classes: unclassified },
      path: withoutFallback(path),
    }),
  );
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

/** Without rules that an earlier one with the same match hides, and those after one that matches everything. */
function reachable(rules: readonly FlowRule[]): FlowRule[] {
  const seen = new Set<string>();
  const kept: FlowRule[] = [];
  for (const rule of rules) {
    const text = canonicalJson(rule.match);
    if (!seen.has(text)) kept.push(rule);
    seen.add(text);
    if (Object.keys(rule.match).length === 1) break;
  }
  return kept;
}
