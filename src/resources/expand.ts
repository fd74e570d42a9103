import type { Config } from "../config/config.ts";
import type { HostFacts } from "../host/ports/facts.ts";
import type { FirewallPolicy } from "../model/firewall/policy.ts";
import type { Resource } from "../model/resource.ts";
import { darwinRoutes } from "./expand/darwin-routes.ts";
import type { ExpandContext, ExpandOptions, Expansion } from "./expand/expansion.ts";
import { standbyOf } from "./expand/fallback/fallback-paths.ts";
import { exceptionNotes, firewallPolicy } from "./expand/firewall-policy.ts";
import { defaultNotes, defaultPath, flowRules } from "./expand/flow-rules.ts";
import { keptByName, lifecycleOf } from "./expand/lifecycle.ts";
import { kernelSettings, relayTable, routeTable, routingPolicy } from "./expand/machine-resources.ts";
import { refuseNames } from "./expand/names/destinations.ts";
import { dnsNotes } from "./expand/names/dns-policy.ts";
import { nameRules } from "./expand/names/name-rules.ts";
import { resolverNotes, systemResolver } from "./expand/names/system-resolver.ts";
import { refuseTunnelServers, tunnelServerNotes } from "./expand/names/tunnel-servers.ts";
import { portalNotes, portalPolicyOf } from "./expand/portal.ts";
import { probesOf } from "./expand/probes.ts";
import { assignPathNumbers, rememberNumbers } from "./expand/tunnels/path-numbers.ts";
import { placeProxies, proxyFallbackNotes, proxyResources, refuseKeptFlows } from "./expand/tunnels/place-proxies.ts";
import { placeTunnels } from "./expand/tunnels/place-tunnels.ts";
import { tunnelNetworkRules } from "./expand/tunnels/tunnel-networks.ts";
import { alternativesOf, tunnelNotes, unresolvedIn } from "./expand/tunnels/tunnel-notes.ts";
import { tunnelResources } from "./expand/tunnels/tunnel-resources.ts";
import { unsupportedUses } from "./expand/unsupported.ts";
import { hasPacketFilter } from "./packet-filter.ts";

export type { ExpandOptions, Expansion } from "./expand/expansion.ts";
export { classifierOf, devicesOf, endpointsOf } from "./expand/expansion.ts";
export { pathNumbersOf, rememberNumbers } from "./expand/tunnels/path-numbers.ts";

/**
 * All resources that a config requires on this host. Pure and deterministic. `unsupported` lists what this host or
 * version cannot do; if it is not empty, nothing may be applied.
 */
export function expand(config: Config, facts: HostFacts, options: ExpandOptions): Expansion {
  const { secrets, endpoints = {}, unanswered = {}, beside } = options;
  const context: ExpandContext = {
    config,
    facts,
    tunnels: [],
    ...(options.lists === undefined ? {} : { lists: options.lists }),
    ...(options.portal === undefined ? {} : { portal: options.portal }),
    proxies: [],
    unsupported: unsupportedUses(config, facts, beside),
  };
  refuseNames(context);
  const names = Object.keys(config.tunnels).toSorted();
  const pathNumbers = assignPathNumbers(names, keptByName(options.pathNumbers, config));
  const devices = keptByName(options.devices ?? {}, config);
  const tunnels = placeTunnels({ ...context, pathNumbers, endpoints, unanswered, devices });
  const proxies = placeProxies({ ...context, pathNumbers, endpoints });
  refuseKeptFlows(context);
  const placed: ExpandContext = { ...context, tunnels, proxies };
  refuseTunnelServers(placed);
  const flows = flowRules(placed, options.classifier);
  const rules = [...flows.rules, ...tunnelNetworkRules(placed)];
  const resolved = nameRules(placed, flows.rules, flows.classifier);
  const redirects = resolved.listeners.map(({ classes, listen }) => ({ classes, listen }));
  const policy = {
    ...firewallPolicy(placed, { rules, default: defaultPath(placed) }),
    ...(redirects.length === 0 ? {} : { names: redirects }),
  };
  if (!hasPacketFilter(facts.capabilities) && isNeeded(policy)) {
    context.unsupported.push({
      path: "killSwitch",
      message: "a kill switch needs nf_tables, which this kernel lacks or awg may not use",
    });
  }
  const { classifier } = flows;
  const resources: Resource[] = [
    ...(isNeeded(policy) ? [{ kind: "firewall", key: "firewall/machine", spec: policy } as const] : []),
    ...(classifier === undefined ? [] : [{ kind: "classifier", key: "classifier/host", spec: classifier } as const]),
    ...pathResources(policy, placed, secrets),
    ...systemResolver(placed, resolved),
    ...(beside?.resources ?? []),
  ];
  const alternatives = alternativesOf(tunnels, facts);
  const unresolved = unresolvedIn(tunnels, proxies);
  return {
    desired: {
      resources,
      ...lifecycleOf(config),
      ...probesOf(placed),
      ...portalPolicyOf(placed),
      ...standbyOf(placed),
    },
    pathNumbers: rememberNumbers(keptByName(options.pathNumbers, config), pathNumbers),
    notes: [
      ...(beside?.notes ?? []),
      ...tunnelNotes(placed),
      ...proxyFallbackNotes(config),
      ...tunnelServerNotes(placed),
      ...flows.notes,
      ...defaultNotes(placed),
      ...portalNotes(placed),
      ...exceptionNotes(placed),
      ...dnsNotes(placed),
      ...resolverNotes(placed, resolved),
    ],
    unsupported: context.unsupported,
    ...(options.lists === undefined ? {} : { lists: options.lists }),
    ...(Object.keys(alternatives).length === 0 ? {} : { alternatives }),
    ...(Object.keys(unresolved).length === 0 ? {} : { unresolved }),
  };
}

/** Devices, engines, relays, tables and rules of the tunnels and proxies; none without any. */
function pathResources(
  policy: FirewallPolicy,
  placed: ExpandContext,
  secrets: ExpandOptions["secrets"],
): readonly Resource[] {
  const { facts, tunnels, proxies } = placed;
  if (tunnels.length + proxies.length === 0) return [];
  const isMac = facts.os === "darwin";
  return [
    ...(isMac ? [] : [kernelSettings()]),
    ...tunnels.flatMap((tunnel) => tunnelResources(tunnel, placed, secrets)),
    ...proxies.flatMap((proxy) => proxyResources(proxy, secrets)),
    ...(isMac
      ? darwinRoutes(policy, placed)
      : [...tunnels.map(routeTable), ...proxies.map(relayTable), routingPolicy(policy, placed)]),
  ];
}

/** Whether the policy differs from an empty one. */
function isNeeded({ steering, layers }: FirewallPolicy): boolean {
  const acts = steering.rules.some(({ path, limit }) => path.kind === "block" || limit !== undefined);
  return (
    acts ||
    steering.default.kind === "block" ||
    layers.some(
      ({ killSwitch, tunnels, proxies = [], dns }) => killSwitch || tunnels.length + proxies.length > 0 || dns !== null,
    )
  );
}
