import { DNS_ENCRYPTED_PORT, DNS_PORT, protectedDnsPorts } from "../../../model/firewall/flow-path.ts";
import { LINK_PREFIXES, NDP, PRIVATE_PREFIXES } from "../../../model/firewall/link-traffic.ts";
import { PROTOCOL, REDIRECT } from "../../../model/firewall/packet.ts";
import type { FlowMatch, PathRef, PolicyLayer } from "../../../model/firewall/policy.ts";
import { caseWords, type FlowCase, flowCases } from "./flow-match.ts";
import { incomingExceptionRules, ownSocketRules } from "./grant-rules.ts";
import { outside } from "./outside.ts";
import type { PfNode, PfRule } from "./pf-rule.ts";

/** The rules of one layer in the order of evaluation; `ipv6`, `dns` and `killswitch` are anchors of their own. */
export interface LayerRules {
  /** Packets that enter by tunnels, awg's sockets, stated exceptions. */
  readonly first: readonly PfNode[];
  readonly ipv6: readonly PfRule[];
  readonly dns: readonly PfRule[];
  readonly flows: readonly PfRule[];
  /** Everything else. */
  readonly killswitch: readonly PfRule[];
}

const DNS_PROTOCOLS = [PROTOCOL.udp, PROTOCOL.tcp];
const BLOCK: PathRef = { kind: "block" };
const DIRECT: PathRef = { kind: "direct" };

/**
 * One layer as PF rules (chapters S3 to S8): first match wins everywhere.
 *
 * @param devices tunnels of the whole policy; every other interface but lo0 is physical
 */
export function layerRules(layer: PolicyLayer, devices: readonly string[]): LayerRules {
  const own = ownSocketRules(layer);
  const flow = (match: FlowMatch, path: PathRef, why: string): PfRule[] => [
    ...flowCases(match).flatMap((one) => leaving(layer, devices, one, path, why)),
    ...(match.uids === undefined ? flowCases(match).flatMap((one) => entering(layer, one, path, why)) : []),
  ];
  return {
    first: [
      ...(layer.killSwitch ? redirectRules(devices) : []),
      ...tunnelEntryRules(layer, devices),
      ...outside(devices, "own", own.leaving),
      ...own.entering,
      ...(layer.killSwitch ? incomingExceptionRules(layer.allow) : []),
    ],
    ipv6: ipv6Rules(layer),
    dns: dnsRules(layer, devices),
    flows: [
      ...layer.flows.rules.flatMap(({ match, path, origin }) => flow(match, path, `S4.4 ${origin}`)),
      ...layer.allow
        .filter(({ direction }) => direction === "out")
        .flatMap(({ prefixes, ports, protocol }) =>
          flow(
            {
              ...(prefixes === undefined ? {} : { destinations: prefixes }),
              ...(ports === undefined ? {} : { ports }),
              ...(protocol === undefined ? {} : { protocol }),
            },
            DIRECT,
            "S4.5 stated exception",
          ),
        ),
      ...(layer.allowLan ? localRules(layer, devices, flow) : []),
      ...flow({}, layer.flows.default, "S4.7 default"),
    ],
    killswitch: layer.killSwitch ? [{ action: "block", why: "S5.4 no rule lets it pass" }] : [],
  };
}

/**
 * S4.6. PF does not know the next hop (S13.20): the tunnel's routes lead private addresses behind the router into the
 * default's tunnel. There the default decides.
 */
function localRules(
  layer: PolicyLayer,
  devices: readonly string[],
  flow: (match: FlowMatch, path: PathRef, why: string) => PfRule[],
): readonly PfRule[] {
  const why = "S4.6 local network";
  const privates: FlowMatch = { destinations: PRIVATE_PREFIXES };
  const byDefault = flowCases(privates).flatMap((one) => leaving(layer, devices, one, layer.flows.default, why));
  return [
    ...flow({ destinations: LINK_PREFIXES }, DIRECT, why),
    ...(devices.length === 0 ? [] : byDefault.map((rule): PfRule => ({ on: devices, ...rule }))),
    ...flow(privates, DIRECT, why),
  ];
}

/** A leaving flow passes only on the device of its path. */
function leaving(
  layer: PolicyLayer,
  devices: readonly string[],
  one: FlowCase,
  path: PathRef,
  why: string,
  isHeld = layer.killSwitch,
): PfRule[] {
  const words = caseWords(one, "out");
  const block: PfRule = { action: "block", ...words, why };
  if (path.kind === "block") return one.isFragment ? [] : [block];
  // With the kill switch a tunnel's rule lets fragments into the tunnel only.
  if (one.isFragment) return refusesAny(layer) && (path.kind === "direct" || !layer.killSwitch) ? [block] : [];
  if (one.isWider) return isHeld ? [block] : [];
  if (!isHeld) return [{ action: "pass", ...words, state: "none", why }];
  if (path.kind === "tunnel") {
    const families = layer.tunnels.find(({ device }) => device === path.device)?.families ?? [];
    const on = [path.device];
    const inside = families.map((family): PfRule => ({ action: "pass", ...words, family, on, state: "none", why }));
    return [...inside, block];
  }
  const elsewhere: PfRule[] = devices.length === 0 ? [] : [{ ...block, on: devices }];
  return [...elsewhere, { action: "pass", ...words, state: "opening", why }];
}

/** Whether a later rule, or the end of the list, may drop the packet. */
function refusesAny({ killSwitch, flows }: PolicyLayer): boolean {
  return killSwitch || [...flows.rules, { path: flows.default }].some(({ path }) => path.kind === "block");
}

/** S6.3: packets that enter by a physical device are judged by the path of their answer. Tunnels have earlier rules. */
function entering(layer: PolicyLayer, one: FlowCase, path: PathRef, why: string): PfRule[] {
  if (!layer.killSwitch) return [];
  const words = caseWords(one, "in");
  if (path.kind !== "direct" || one.isWider) return [{ action: "block", ...words, why }];
  return [{ action: "pass", ...words, state: "none", why }];
}

/** S4.2 and S4.3. */
function dnsRules(layer: PolicyLayer, devices: readonly string[]): PfRule[] {
  const { dns } = layer;
  if (dns === null) return [];
  const ports = (values: readonly number[]) => values.map((value) => ({ from: value, to: value }));
  const rule = (one: FlowCase, path: PathRef, why: string): PfRule[] => [
    ...leaving(layer, devices, one, path, why, true),
    ...entering(layer, one, path, why),
  ];
  const servers = { addresses: dns.servers, ports: ports([DNS_PORT, DNS_ENCRYPTED_PORT]) };
  const watched = protectedDnsPorts(dns);
  return [
    ...(dns.servers.length === 0
      ? []
      : rule({ protocols: DNS_PROTOCOLS, ...servers }, dns.path, "S4.2 DNS to a declared server")),
    ...(watched.length === 0
      ? []
      : rule({ protocols: DNS_PROTOCOLS, ports: ports(watched) }, BLOCK, "S4.3 DNS to another server")),
  ];
}

/** S5.1: a tunnel carries only the families of its addresses. */
function ipv6Rules(layer: PolicyLayer): PfRule[] {
  if (!layer.killSwitch) return [];
  return ([4, 6] as const).flatMap((family) => {
    const without = layer.tunnels.filter(({ families }) => !families.includes(family)).map(({ device }) => device);
    if (without.length === 0) return [];
    const why = `S5.1 the tunnel carries no IPv${family}`;
    return [{ action: "block", direction: "out", on: without, family, why } as const];
  });
}

/** S6.7: redirects by every device, router advertisements by a tunnel. */
function redirectRules(devices: readonly string[]): PfRule[] {
  const redirects = ([4, 6] as const).map((family): PfRule => {
    const { protocol, type } = REDIRECT[family];
    const words = { family, protocols: [protocol], icmpTypes: [type] };
    return { action: "block", direction: "in", ...words, why: "S6.7 ICMP redirect or router advertisement" };
  });
  if (devices.length === 0) return redirects;
  const words = { family: 6, on: devices, protocols: [PROTOCOL.icmpv6], icmpTypes: [NDP.routerAdvert] } as const;
  return [...redirects, { action: "block", direction: "in", ...words, why: "S6.7 router advertisement by a tunnel" }];
}

/** S6.1. Without the kill switch everything enters. */
function tunnelEntryRules(layer: PolicyLayer, devices: readonly string[]): PfRule[] {
  if (!layer.killSwitch) return [];
  const own = layer.tunnels
    .filter(({ addresses }) => addresses.length > 0)
    .map(
      ({ device, addresses }): PfRule => ({
        action: "pass",
        direction: "in",
        on: [device],
        to: { addresses },
        state: "opening",
        why: "S6.1 to the tunnel's own address",
      }),
    );
  const rest: PfRule[] =
    devices.length === 0
      ? []
      : [{ action: "block", direction: "in", on: devices, why: "S6.1 not to the tunnel's own address" }];
  return [...own, ...rest];
}
