import { isNoiseTunnel, type ProxyTunnel } from "../../../config/config.ts";
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

/** Refuses what would need a proxy's state in the daemon: it measures that of tunnels only. */
export function refuseProxyFallbacks({ config, unsupported }: Pick<ExpandContext, "config" | "unsupported">): void {
  const isProxy = (key: string): boolean => config.tunnels[key] !== undefined && !isNoiseTunnel(config.tunnels[key]);
  const refuse = (path: string, message: string) => unsupported.push({ path, message });
  const places = [
    ["default", config.default] as const,
    ...config.rules.map((rule, index) => [`rules.${index}`, rule] as const),
  ];
  for (const [path, { via, fallback }] of places) {
    const needsState = fallback.kind !== "block" && fallback.kind !== "drop";
    if (needsState && via.kind === "tunnel" && isProxy(via.tunnel))
      refuse(`${path}.fallback`, "a proxy has no fallback yet; write fallback: block");
    if (fallback.kind === "failover" && fallback.tunnels.some(isProxy))
      refuse(`${path}.fallback`, "a proxy cannot stand in for a tunnel yet; name tunnels only");
  }
  for (const [key, { failover }] of Object.entries(config.tunnels)) {
    if (failover === undefined) continue;
    if (isProxy(key)) refuse(`tunnels.${key}.failover`, "a proxy has no failover yet; remove the key");
    else if (failover.tunnels.some(isProxy))
      refuse(`tunnels.${key}.failover`, "a proxy cannot stand in for a tunnel yet; name tunnels only");
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
