import type { PolicyRule } from "../../model/spec/routes.ts";

/** A policy rule as `ip rule` would print it: equal texts exactly for equal rules. */
export function renderPolicyRule(policyRule: PolicyRule): string {
  const { family, preference, match, table, suppressPrefixLength } = policyRule;
  const { mark, source, destination, uids, protocol, ports, sourcePorts } = match;
  return [
    family === 6 ? "-6" : "-4",
    `${preference}:`,
    `from ${source ?? "all"}`,
    ...(destination === undefined ? [] : [`to ${destination}`]),
    ...(mark === undefined ? [] : [`fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`]),
    ...(protocol === undefined ? [] : [`ipproto ${protocol}`]),
    ...(sourcePorts === undefined ? [] : [`sport ${sourcePorts.from}-${sourcePorts.to}`]),
    ...(ports === undefined ? [] : [`dport ${ports.from}-${ports.to}`]),
    ...(uids === undefined ? [] : [`uidrange ${uids.from}-${uids.to}`]),
    `lookup ${table === 254 ? "main" : table}`,
    ...(suppressPrefixLength === undefined ? [] : [`suppress_prefixlength ${suppressPrefixLength}`]),
  ].join(" ");
}

/** Rules in the order in which a spec lists them (family, preference, text), each once. */
export function sortPolicyRules(rules: readonly PolicyRule[]): PolicyRule[] {
  // Each is rendered once: there can be ten thousand.
  const byText = new Map(rules.map((rule) => [renderPolicyRule(rule), rule]));
  return [...byText].sort(compareEntries).map(([, rule]) => rule);
}

function compareEntries([left, a]: readonly [string, PolicyRule], [right, b]: readonly [string, PolicyRule]): number {
  return a.family - b.family || a.preference - b.preference || (left < right ? -1 : left > right ? 1 : 0);
}
