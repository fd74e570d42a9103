import { isNoiseTunnel, type ProxyTunnel, type Rule } from "../../../config/config.ts";
import { deviceOfTunnel, MOST_TUNNELS } from "../../../model/ownership.ts";
import type { ResourceOf } from "../../../model/resource.ts";
import type { SecretId, SecretRef } from "../../../model/secret.ts";
import { type ExpandContext, endpointKey, type PlacedProxy, PROXY_PEER } from "../expansion.ts";
import { chooseEndpoint } from "./choose-endpoint.ts";
import type { PathNumbers } from "./path-numbers.ts";

type PlaceInput = Pick<ExpandContext, "config" | "facts" | "notes" | "unsupported"> & {
  readonly pathNumbers: PathNumbers;
  readonly endpoints: Readonly<Record<string, readonly string[]>>;
  /** Filled here: see `Expansion`. */
  readonly unresolved: Record<string, string>;
};

/** Proxies in the order of their keys, each with its path number and numeric endpoint. */
export function placeProxies(input: PlaceInput): PlacedProxy[] {
  const { config, facts, pathNumbers, endpoints, notes, unsupported, unresolved } = input;
  return Object.keys(config.tunnels)
    .toSorted()
    .flatMap((key): PlacedProxy[] => {
      const proxy = config.tunnels[key];
      const number = pathNumbers[key];
      if (proxy === undefined || isNoiseTunnel(proxy)) return [];
      if (number === undefined) {
        unsupported.push({ path: `tunnels.${key}`, message: `at most ${MOST_TUNNELS} tunnels are possible` });
        return [];
      }
      const at = endpointKey(deviceOfTunnel(key), PROXY_PEER);
      const [endpoint] = chooseEndpoint(proxy.server, { previous: endpoints[at]?.[0], unanswered: [] }, facts);
      if (endpoint === undefined) {
        const { host } = proxy.server;
        unresolved[at] = host;
        const message = `cannot resolve ${host}. Check the spelling, or set dns.bootstrap. Its traffic is dropped until it resolves`;
        notes.push({ path: `tunnels.${key}.server`, message });
      }
      if (!carriesUdp(proxy)) notes.push({ path: `tunnels.${key}`, message: "carries TCP only: UDP to it is dropped" });
      return [{ key, proxy, number, endpoint }];
    });
}

/**
 * Refuses to keep open flows where a proxy takes part: its relay resets what began on another path. Notes that a proxy without
 * UDP drops it also while it stands in.
 */
export function judgeProxyFallbacks({
  config,
  unsupported,
  notes,
}: Pick<ExpandContext, "config" | "unsupported" | "notes">): void {
  const proxyOf = (key: string): ProxyTunnel | undefined => {
    const tunnel = config.tunnels[key];
    return tunnel === undefined || isNoiseTunnel(tunnel) ? undefined : tunnel;
  };
  const places: readonly (readonly [string, Pick<Rule, "via" | "fallback" | "openFlows" | "protocol">])[] = [
    ["default", config.default],
    ...config.rules.map((rule, index) => [`rules.${index}`, rule] as const),
  ];
  for (const [path, { via, fallback, openFlows, protocol }] of places) {
    if (via.kind !== "tunnel") continue;
    const own = config.tunnels[via.tunnel]?.failover?.tunnels ?? [];
    const others = fallback.kind === "failover" ? fallback.tunnels : own;
    const proxies = [via.tunnel, ...others].filter((key) => proxyOf(key) !== undefined);
    if (openFlows === "keep" && proxies.length > 0) {
      const message = `connections cannot be kept: ${proxies[0]} is a proxy, and its relay resets what began elsewhere; remove openFlows`;
      unsupported.push({ path: `${path}.openFlows`, message });
    }
    if (protocol !== undefined && !protocol.includes("udp")) continue;
    for (const key of others) {
      const proxy = proxyOf(key);
      if (proxy === undefined || carriesUdp(proxy)) continue;
      notes.push({ path, message: `while ${key} replaces it, UDP is dropped`, isWarning: true });
    }
  }
}

/** Whether a proxy is used for UDP: HTTP proxies cannot. */
export function carriesUdp(proxy: ProxyTunnel): boolean {
  return proxy.protocol === "socks5" && proxy.udp;
}

/** The relay of a proxy; none while its name does not resolve. */
export function proxyResources(
  { key, proxy, number, endpoint }: PlacedProxy,
  secrets: (ref: SecretRef) => SecretId,
): ResourceOf<"proxy">[] {
  if (endpoint === undefined) return [];
  const { protocol, server, auth } = proxy;
  const tls = proxy.protocol === "http" ? proxy.tls : undefined;
  const spec = {
    name: key,
    number,
    protocol,
    ...endpoint,
    ...(tls === undefined ? {} : { tls: { ...tls, serverName: tls.serverName ?? server.host } }),
    ...(auth === undefined ? {} : { username: auth.username, password: secrets(auth.password) }),
    udp: carriesUdp(proxy),
  };
  return [{ kind: "proxy", key: `proxy/${key}`, spec }];
}
