import type { FirewallPolicy, PathRef } from "./policy.ts";

/** The policy with its tunnel devices renamed by `names`; other devices keep their name. Pure. */
export function policyWithDevices(policy: FirewallPolicy, names: ReadonlyMap<string, string>): FirewallPolicy {
  const rename = <T extends { readonly device: string }>(one: T): T => ({
    ...one,
    device: names.get(one.device) ?? one.device,
  });
  const path = (one: PathRef): PathRef =>
    one.kind === "tunnel"
      ? { ...rename(one), ...(one.substitutes === undefined ? {} : { substitutes: one.substitutes.map(rename) }) }
      : one;
  const steering = ({ rules, default: rest }: FirewallPolicy["steering"]) => ({
    rules: rules.map((rule) => ({ ...rule, path: path(rule.path) })),
    default: path(rest),
  });
  return {
    ...policy,
    steering: steering(policy.steering),
    layers: policy.layers.map((layer) => ({
      ...layer,
      tunnels: layer.tunnels.map(rename),
      flows: steering(layer.flows),
      dns: layer.dns === null ? null : { ...layer.dns, path: path(layer.dns.path) },
    })),
  };
}
