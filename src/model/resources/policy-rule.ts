import type { PolicyRule } from "./routes.ts";

/** A policy rule as `ip rule` would print it: equal texts exactly for equal rules. */
export function renderPolicyRule(policyRule: PolicyRule): string {
  const { family, preference, match, table, suppressPrefixLength } = policyRule;
  const { mark, source, destination, uids, protocol, ports, sourcePorts, local } = match;
  let text = `${family === 6 ? "-6" : "-4"} ${preference}: from ${source ?? "all"}`;
  if (destination !== undefined) text += ` to ${destination}`;
  if (local === true) text += " iif lo";
  if (mark !== undefined) text += ` fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`;
  if (protocol !== undefined) text += ` ipproto ${protocol}`;
  if (sourcePorts !== undefined) text += ` sport ${sourcePorts.from}-${sourcePorts.to}`;
  if (ports !== undefined) text += ` dport ${ports.from}-${ports.to}`;
  if (uids !== undefined) text += ` uidrange ${uids.from}-${uids.to}`;
  text += ` lookup ${table === 254 ? "main" : table}`;
  if (suppressPrefixLength !== undefined) text += ` suppress_prefixlength ${suppressPrefixLength}`;
  return text;
}

/** Rules in the order of a spec (family, preference, text), without duplicates. */
export function sortPolicyRules(rules: readonly PolicyRule[]): PolicyRule[] {
  // Each is rendered once: there can be ten thousand.
  const byText = new Map(rules.map((rule) => [renderPolicyRule(rule), rule]));
  return [...byText].sort(compareEntries).map(([, rule]) => rule);
}

function compareEntries([left, a]: readonly [string, PolicyRule], [right, b]: readonly [string, PolicyRule]): number {
  return a.family - b.family || a.preference - b.preference || (left < right ? -1 : left > right ? 1 : 0);
}
