import { type IpAddress, renderIp } from "../../../../model/ip.ts";
import { markOfPath, PATH_NUMBERS } from "../../../../model/ownership.ts";
import { openRouteNetlink, type RouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { uplinksOf } from "./uplinks.ts";

/** A connection to this machine, and the device that has the address it is to. */
export interface Incoming {
  readonly ends: { readonly client: IpAddress; readonly server: IpAddress };
  readonly device: string;
}

/**
 * The device by which the client is answered where S6.8 would refuse the connection for it, were it to come in by the device
 * that has its address: another one, and that one is no uplink. undefined where it would not. Reads only.
 *
 * The way is looked up as `fib saddr . mark . iif oif` does: without ports, so that rules that ask for them do not count,
 * and with IPv6 by that device first (nft_fib6_eval). No traffic comes in by a dummy device, whatever addresses it has.
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
  const ways = oif === undefined ? nextHops.map((hop) => hop.oif) : [oif];
  if (type === "local" || ways.includes(link.index)) return undefined;
  const [way] = ways;
  return (way === undefined ? undefined : netlink.link(way)?.name) ?? "no device";
}

/** The same in this network namespace now. */
export function answeredElsewhereNow(incoming: Incoming, tunnels: readonly string[]): string | undefined {
  using netlink = openRouteNetlink();
  return answeredElsewhere(netlink, incoming, tunnels);
}
