import { type Prefix, parsePrefix, prefixContains } from "../../../model/prefix.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";

/**
 * The MTU of the route to each address by the main table and its devices: longest prefix first, then lowest metric.
 * Path MTU learned from routers is ignored: it changes, and a device's MTU must not follow it; the engine does.
 * Addresses without a route are left out. Pure.
 */
export function pathMtus(
  addresses: readonly string[],
  routes: readonly Route[],
  links: readonly Link[],
): Readonly<Record<string, number>> {
  if (addresses.length === 0) return {};
  const devices = new Map(links.map((link) => [link.index, link.mtu]));
  const entries = routes.flatMap((route) => {
    const prefix = route.type === "unicast" ? parsePrefix(route.destination) : undefined;
    const mtuBytes = prefix === undefined ? undefined : mtuOf(route, devices);
    return prefix === undefined || mtuBytes === undefined ? [] : [{ prefix, priority: route.priority, mtuBytes }];
  });
  return Object.fromEntries(
    addresses.flatMap((text) => {
      const host = parsePrefix(text);
      const fits = ({ prefix }: { prefix: Prefix }) => host !== undefined && prefixContains(prefix, host);
      const [best] = entries
        .filter(fits)
        .toSorted((a, b) => b.prefix.length - a.prefix.length || a.priority - b.priority);
      return best === undefined ? [] : [[text, best.mtuBytes] as const];
    }),
  );
}

/** The route's own MTU, at most its device's; with several next hops the smallest. */
function mtuOf({ mtu, oif, nextHops }: Route, devices: ReadonlyMap<number, number>): number | undefined {
  const hops = nextHops?.map((hop) => hop.oif) ?? [oif];
  const known = hops.flatMap((hop) => devices.get(hop ?? 0) ?? []);
  return known.length === 0 ? undefined : Math.min(mtu ?? Number.POSITIVE_INFINITY, ...known);
}
