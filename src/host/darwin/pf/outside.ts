import type { PfNode, PfRule } from "./pf-rule.ts";

/**
 * Rules that hold on every device but these. PF joins the interfaces of one rule by "or", so what may be on none of
 * several stands in anchors within each other.
 */
export function outside(devices: readonly string[], name: string, rules: readonly PfRule[]): readonly PfNode[] {
  const [device, ...rest] = devices;
  if (device === undefined || rules.length === 0) return rules;
  if (rest.length === 0) return rules.map((rule) => ({ ...rule, notOn: device }));
  return [{ name: `${name}-${devices.length}`, call: { notOn: device }, body: outside(rest, name, rules) }];
}
