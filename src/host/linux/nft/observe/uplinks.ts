import type { Link } from "../../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../../native/linux/rtnetlink/route.codec.ts";
import { openRouteNetlink, type RouteNetlink } from "../../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { type ListLinks, listLinks } from "../../links.ts";

/** The host's devices and routes. */
export interface LinksAndRoutes {
  links(): readonly Link[];
  routes: RouteNetlink["routes"];
}

/**
 * The uplinks (rule S6.8): devices with a default route in any table, except loopback, tunnels and ports of bridges, which have
 * no routes. Names, sorted. Reads only.
 */
export function uplinksOf(netlink: LinksAndRoutes, tunnels: readonly string[]): string[] {
  const links = netlink.links();
  const bridges = new Set(links.filter(({ kind }) => kind === "bridge").map(({ index }) => index));
  const mayHaveRoutes = links.filter(
    ({ loopback, name, masterIndex = 0 }) => !loopback && !tunnels.includes(name) && !bridges.has(masterIndex),
  );
  const isUplink = ({ index }: Link) => netlink.routes({ oif: index }).some(isDefault);
  return mayHaveRoutes
    .filter(isUplink)
    .map(({ name }) => name)
    .toSorted();
}

/** Whether a route is a default route. */
export function isDefault({ type, destination }: Route): boolean {
  return type === "unicast" && destination.endsWith("/0");
}

/** The uplinks of this network namespace now. */
export function uplinksNow(tunnels: readonly string[], list: ListLinks = listLinks): string[] {
  using netlink = openRouteNetlink();
  return uplinksOf({ links: list, routes: (filter) => netlink.routes(filter) }, tunnels);
}
