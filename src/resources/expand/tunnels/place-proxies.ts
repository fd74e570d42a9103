import { type Config, isNoiseTunnel, type ProxyTunnel, type Rule } from "../../../config/config.ts";
import { deviceOfTunnel, MOST_TUNNELS } from "../../../model/ownership.ts";
import type { ResourceOf } from "../../../model/resource.ts";
import type { SecretId, SecretRef } from "../../../model/secret.ts";
import { type ExpandContext, endpointKey, type Note, type PlacedProxy, PROXY_PEER } from "../expansion.ts";
import { chooseEndpoint } from "./choose-endpoint.ts";
import type { PathNumbers } from "./path-numbers.ts";

type PlaceInput = Pick<ExpandContext, "config" | "facts" | "unsupported"> & {
  readonly pathNumbers: PathNumbers;
  readonly endpoints: Readonly<Record<string, readonly string[]>>;
};

/** Proxies in the order of their keys, each with its path number and numeric endpoint. */
export function placeProxies(input: PlaceInput): PlacedProxy[] {
  const { config, facts, pathNumbers, endpoints, unsupported } = input;
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
      return [{ key, proxy, number, endpoint }];
    });
}

/** Refuses to keep open flows where a proxy takes part: its relay resets what began on another path. */
export function refuseKeptFlows({ config, unsupported }: Pick<ExpandContext, "config" | "unsupported">): void {
  for (const { path, tunnels, openFlows } of placesWithTunnels(config)) {
    const proxy = tunnels.find((key) => proxyIn(config, key) !== undefined);
    if (openFlows !== "keep" || proxy === undefined) continue;
    const message = `connections cannot be kept: ${proxy} is a proxy, and its relay resets what began elsewhere; remove openFlows`;
    unsupported.push({ path: `${path}.openFlows`, message });
  }
}

/** Notes that a proxy without UDP drops it also while it replaces another tunnel. */
export function proxyFallbackNotes(config: Config): Note[] {
  return placesWithTunnels(config).flatMap(({ path, tunnels: [, ...others], protocol }): Note[] => {
    if (protocol !== undefined && !protocol.includes("udp")) return [];
    const withoutUdp = others.filter((key) => {
      const proxy = proxyIn(config, key);
      return proxy !== undefined && !carriesUdp(proxy);
    });
    return withoutUdp.map((key) => ({ path, message: `while ${key} replaces it, UDP is dropped`, isWarning: true }));
  });
}

interface Place extends Pick<Rule, "openFlows" | "protocol"> {
  readonly path: string;
  /** The tunnel of this place, then those that may replace it. */
  readonly tunnels: readonly string[];
}

function placesWithTunnels(config: Config): Place[] {
  const places: readonly (readonly [string, Pick<Rule, "via" | "fallback" | "openFlows" | "protocol">])[] = [
    ["default", config.default],
    ...config.rules.map((rule, index) => [`rules.${index}`, rule] as const),
  ];
  return places.flatMap(([path, { via, fallback, ...rest }]) => {
    if (via.kind !== "tunnel") return [];
    const own = config.tunnels[via.tunnel]?.failover?.tunnels ?? [];
    return [{ ...rest, path, tunnels: [via.tunnel, ...(fallback.kind === "failover" ? fallback.tunnels : own)] }];
  });
}

function proxyIn(config: Config, key: string): ProxyTunnel | undefined {
  const tunnel = config.tunnels[key];
  return tunnel === undefined || isNoiseTunnel(tunnel) ? undefined : tunnel;
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
