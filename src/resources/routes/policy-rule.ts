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

/** Order in which a spec lists its rules: family, preference, then text. */
export function comparePolicyRules(a: PolicyRule, b: PolicyRule): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.preference !== b.preference) return a.preference - b.preference;
  const left = renderPolicyRule(a);
  const right = renderPolicyRule(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
