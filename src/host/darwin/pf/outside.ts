import type { PfNode, PfRule } from "./pf-rule.ts";

/**
 * Rules for every device except these. PF combines the interfaces of one rule with "or", so several exceptions need nested
 * anchors.
 */
export function outside(devices: readonly string[], name: string, rules: readonly PfRule[]): readonly PfNode[] {
  const [device, ...rest] = devices;
  if (device === undefined || rules.length === 0) return rules;
  if (rest.length === 0) return rules.map((rule) => ({ ...rule, notOn: device }));
  return [{ name: `${name}-${devices.length}`, call: { notOn: device }, body: outside(rest, name, rules) }];
}
