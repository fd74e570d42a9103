import type { Config, NoiseTunnel } from "../../../config/config.ts";
import type { HostFacts } from "../../../host/ports/facts.ts";
import { isMulticastName, unresolvedRemedy } from "../../../model/dns/question.ts";
import { parseIp } from "../../../model/ip.ts";
import { deviceOfTunnel } from "../../../model/ownership.ts";
import {
  type ExpandContext,
  type Expansion,
  endpointKey,
  type Note,
  type PlacedProxy,
  type PlacedTunnel,
  PROXY_PEER,
} from "../expansion.ts";
import { endpointsOfName, renderEndpointText } from "./choose-endpoint.ts";
import { carriesUdp } from "./place-proxies.ts";
import { familyOfText } from "./place-tunnels.ts";

/** What a person should know about the families and endpoints of tunnels and proxies. */
export function tunnelNotes({ config, facts, tunnels, proxies }: ExpandContext): Note[] {
  return [
    ...tunnels.flatMap((placed) => [...familyNotes(placed, config), ...endpointNotes(placed, config, facts)]),
    ...proxies.flatMap((placed) => proxyNotes(placed, config)),
  ];
}

function familyNotes({ key, tunnel, families }: PlacedTunnel, config: Config): Note[] {
  const path = `tunnels.${key}`;
  if (families.length === 0) {
    return [{ path, message: "carries nothing: it has no address in the IP family of its peers' allowedIPs" }];
  }
  if (families.includes(6) || !mayGetIpv6(config, key, tunnel.peers)) return [];
  return [{ path, message: "does not carry IPv6: IPv6 traffic to it is dropped" }];
}

/** Whether the config sends IPv6 traffic to this tunnel, as a split tunnel of IPv4 destinations does not. */
function mayGetIpv6({ rules, default: all }: Config, key: string, peers: NoiseTunnel["peers"]): boolean {
  if (peers.some(({ allowedIPs }) => allowedIPs.some((prefix) => familyOfText(prefix) === 6))) return true;
  const isThis = (via: Config["default"]["via"]): boolean => via.kind === "tunnel" && via.tunnel === key;
  return isThis(all.via) || rules.some(({ via, destinations }) => isThis(via) && mayBeIpv6(destinations));
}

function mayBeIpv6(destinations: Config["rules"][number]["destinations"]): boolean {
  return (
    destinations === undefined || destinations.some((one) => one.kind !== "prefix" || familyOfText(one.prefix) === 6)
  );
}

function endpointNotes({ key, tunnel, endpoints }: PlacedTunnel, config: Config, facts: HostFacts): Note[] {
  return tunnel.peers.flatMap(({ endpoint, publicKey }, index): Note[] => {
    if (endpoint === undefined) return [];
    const path = `tunnels.${key}.peers.${index}.endpoint`;
    const { host } = endpoint;
    const used = endpoints.get(publicKey)?.[0];
    if (used === undefined)
      return [{ path, message: `${cannotResolve(host, config)} The tunnel stays down until it resolves` }];
    if (parseIp(host) !== undefined || endpointsOfName(endpoint, facts).length > 0) return [];
    const message = `cannot resolve ${host}; the last endpoint ${renderEndpointText(used)} stays in use`;
    return [{ path, message, isWarning: true }];
  });
}

function proxyNotes({ key, proxy, endpoint }: PlacedProxy, config: Config): Note[] {
  const unresolved = `${cannotResolve(proxy.server.host, config)} Its traffic is dropped until it resolves`;
  return [
    ...(endpoint === undefined ? [{ path: `tunnels.${key}.server`, message: unresolved }] : []),
    ...(carriesUdp(proxy) ? [] : [{ path: `tunnels.${key}`, message: "carries TCP only: UDP to it is dropped" }]),
  ];
}

function cannotResolve(host: string, { dns }: Config): string {
  const servers = isMulticastName(host) ? [] : (dns?.bootstrap ?? []);
  const by = servers.length === 0 ? "" : ` by ${servers.join(", ")}`;
  return `cannot resolve ${host}${by}; ${unresolvedRemedy(host)}.`;
}

/** The endpoints of each peer with a name, as in `Expansion`. */
export function alternativesOf(
  tunnels: readonly PlacedTunnel[],
  facts: HostFacts,
): NonNullable<Expansion["alternatives"]> {
  return Object.fromEntries(
    tunnels.flatMap(({ device, tunnel }) =>
      tunnel.peers.flatMap(({ endpoint, publicKey }) => {
        if (endpoint === undefined || parseIp(endpoint.host) !== undefined) return [];
        return [[endpointKey(device, publicKey), endpointsOfName(endpoint, facts).map(renderEndpointText)]];
      }),
    ),
  );
}

/** The names of peers and proxies without an endpoint, as in `Expansion`. */
export function unresolvedIn(
  tunnels: readonly PlacedTunnel[],
  proxies: readonly PlacedProxy[],
): NonNullable<Expansion["unresolved"]> {
  const peers = tunnels.flatMap(({ device, tunnel, endpoints }) =>
    tunnel.peers.flatMap(({ endpoint, publicKey }) =>
      endpoint === undefined || endpoints.has(publicKey) ? [] : [[endpointKey(device, publicKey), endpoint.host]],
    ),
  );
  const relays = proxies.flatMap(({ key, proxy, endpoint }) =>
    endpoint === undefined ? [[endpointKey(deviceOfTunnel(key), PROXY_PEER), proxy.server.host]] : [],
  );
  return Object.fromEntries([...peers, ...relays]);
}
