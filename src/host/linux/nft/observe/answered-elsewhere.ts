import { type IpAddress, renderIp } from "../../../../model/ip.ts";
import { markOfPath, PATH_NUMBERS } from "../../../../model/ownership.ts";
import { openRouteNetlink, type RouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { uplinksOf } from "./uplinks.ts";

/** A connection to this host, and the device with its destination address. */
export interface Incoming {
  readonly ends: { readonly client: IpAddress; readonly server: IpAddress };
  readonly device: string;
}

/**
 * The device that answers the client, if S6.8 would drop the connection: another device than the one with the address, which is
 * no uplink. undefined if it would not. Reads only.
 *
 * The lookup is that of `fib saddr . mark . iif oif`: without ports, so rules by port do not count, and for IPv6 by that device
 * first (nft_fib6_eval). No traffic arrives by a dummy device, whatever addresses it has.
 */
export function answeredElsewhere(
  netlink: Pick<RouteNetlink, "link" | "links" | "routes" | "decideRoute">,
  { ends: { client, server }, device }: Incoming,
  tunnels: readonly string[],
): string | undefined {
  const link = netlink.link(device);
  if (link === undefined || link.kind === "dummy" || tunnels.includes(device)) return undefined;
  if (uplinksOf(netlink, tunnels).includes(device)) return undefined;
  const decision = netlink.decideRoute({
    destination: renderIp(client),
    source: renderIp(server),
    mark: markOfPath(PATH_NUMBERS.direct),
    ...(client.family === 6 ? { oif: link.index } : {}),
  });
  if ("refused" in decision) return "no device";
  const { type, oif, nextHops = [] } = decision.route;
  const devices = oif === undefined ? nextHops.map((hop) => hop.oif) : [oif];
  if (type === "local" || devices.includes(link.index)) return undefined;
  const [first] = devices;
  return (first === undefined ? undefined : netlink.link(first)?.name) ?? "no device";
}

/** `answeredElsewhere` in this network namespace now. */
export function answeredElsewhereNow(incoming: Incoming, tunnels: readonly string[]): string | undefined {
  using netlink = openRouteNetlink();
  return answeredElsewhere(netlink, incoming, tunnels);
}
