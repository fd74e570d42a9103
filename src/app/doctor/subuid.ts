import type { HostFacts } from "../../host/ports/facts.ts";
import type { FlowRule, UidRange } from "../../model/firewall/policy.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { uidRanges } from "../../resources/expand/user-ranges.ts";
import type { Finding } from "./finding.ts";

/** Uids that the applied rules name; a rule's other uids came from /etc/subuid. Pure. */
export function usersOfRules(applied: DesiredState): readonly string[] {
  return [...new Set(rulesOfUsers(applied).flatMap(({ uids }) => namedIn(uids)))];
}

/**
 * Rules for users whose subordinate uids changed in /etc/subuid since the apply (rule S4.4). A rule
 * that contains another user's own uid may name both users: if nothing is missing from it,
 * it is skipped, unless it sends in clear. Pure.
 *
 * @param facts as `usersOfRules` asks for them
 */
export function judgeSubordinates(
  applied: DesiredState,
  facts: Pick<HostFacts, "uids" | "subordinateUids" | "usersAmongSubordinates">,
): Finding[] {
  const stale = rulesOfUsers(applied).filter(({ rule, uids }) => {
    const named = namedIn(uids);
    const own = rule.path.kind === "direct" || (rule.path.kind === "tunnel" && rule.path.fallback === "direct");
    const today = uidRanges(named, facts, { own }).ranges;
    if (named.length === 0 || rangesText(today) === rangesText(uids)) return false;
    const mayNameMore = Object.values(facts.usersAmongSubordinates ?? {}).some((uid) =>
      holds(uids, { from: uid, to: uid }),
    );
    return own || !mayNameMore || !today.every((range) => holds(uids, range));
  });
  if (stale.length === 0) return [];
  return [
    {
      id: "subordinates-changed",
      severity: "fault",
      what: "/etc/subuid changed since the last apply: traffic from the new uids bypasses the rule",
      evidence: stale.map(({ rule, uids }) => `${rule.origin} covers the uids ${rangesText(uids)}`),
      remedy: ["awg apply, which reads /etc/subuid again"],
    },
  ];
}

function rulesOfUsers({ resources }: DesiredState): { readonly rule: FlowRule; readonly uids: readonly UidRange[] }[] {
  const policies = resources.flatMap((resource) => (resource.kind === "firewall" ? [resource.spec] : []));
  return policies
    .flatMap(({ layers }) => layers[0]?.flows.rules ?? [])
    .flatMap((rule) => (rule.match.uids === undefined ? [] : [{ rule, uids: rule.match.uids }]));
}

function namedIn(uids: readonly UidRange[]): readonly string[] {
  return uids.flatMap(({ from, to }) => (from === to ? [String(from)] : []));
}

function holds(uids: readonly UidRange[], { from, to }: UidRange): boolean {
  return uids.some((range) => range.from <= from && to <= range.to);
}

function rangesText(ranges: readonly UidRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(", ");
}
