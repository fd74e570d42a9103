import {
  CALLING_ANCHOR,
  PF_ANCHOR,
  policyIdentity,
  renderCallingAnchor,
  renderPf,
} from "../host/darwin/pf/render-pf.ts";
import type { FirewallPolicy, PathRef } from "../model/firewall/policy.ts";
import type { DesiredState } from "../model/resource.ts";

/** One file that would be loaded on a Mac. */
export interface MacPart {
  readonly key: string;
  readonly text: string;
}

/**
 * What awg would load on a Mac, as far as it can be written without one: the packet filter. The number of a tunnel's
 * interface is the kernel's choice there, so that tunnels appear as utun100 and on, in the order of the policy.
 */
export function renderForMacos(desired: DesiredState): { readonly parts: readonly MacPart[]; readonly left: string[] } {
  const parts: MacPart[] = [];
  const left: string[] = [];
  for (const resource of desired.resources) {
    if (resource.kind !== "firewall") {
      left.push(resource.key);
      continue;
    }
    const devices = tunnelDevices(resource.spec);
    const named = [...devices].map(([device, unit]) => `# ${unit} stands for ${device}`);
    const title = (anchor: string) => `# pfctl -a ${anchor} -o none -f -`;
    parts.push(
      {
        key: `pf/${PF_ANCHOR}`,
        text: [
          title(PF_ANCHOR),
          ...named,
          renderPf(renamed(resource.spec, devices), policyIdentity(renamed(resource.spec, devices))).text,
        ].join("\n"),
      },
      { key: `pf/${CALLING_ANCHOR}`, text: [title(CALLING_ANCHOR), renderCallingAnchor()].join("\n") },
    );
  }
  return { parts, left };
}

function tunnelDevices({ layers }: FirewallPolicy): Map<string, string> {
  const devices = new Set(layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device)));
  return new Map([...devices].map((device, index) => [device, `utun${100 + index}`]));
}

function renamed(policy: FirewallPolicy, names: ReadonlyMap<string, string>): FirewallPolicy {
  const rename = <T extends { readonly device: string }>(one: T): T => ({
    ...one,
    device: names.get(one.device) ?? one.device,
  });
  const path = (one: PathRef): PathRef => (one.kind === "tunnel" ? rename(one) : one);
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
