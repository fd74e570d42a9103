import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import type { RouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { FactsWanted, HostFacts, OtherTunnel } from "../../ports/facts.ts";

/** RT_TABLE_MAIN. */
const MAIN_TABLE = 254;
/** RTPROT_KERNEL: the route to a device's own network, which the kernel adds with its address. */
const KERNELS_OWN = 2;
const DEFAULTS: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);
/** Destinations listed per tunnel; they are a sample. */
const MOST_DESTINATIONS = 100;

/** Tunnel devices that awg did not make, with their routes in all tables. */
export function readOtherTunnels(
  netlink: RouteNetlink,
  devices: readonly Link[],
  { devices: adopted = [] }: FactsWanted,
): Pick<HostFacts, "otherTunnels"> {
  const tunnels = devices.filter(({ up, name }) => up && !adopted.includes(name));
  const found = tunnels.length === 0 ? [] : otherTunnels(tunnels, netlink.routes());
  return found.length === 0 ? {} : { otherTunnels: found };
}

/**
 * Tunnels that have routes in any table, by name. A device that has the host's only default routes is its uplink and
 * not listed: containers of unprivileged users use a tap for that (slirp4netns).
 */
function otherTunnels(tunnels: readonly Link[], routes: readonly Route[]): readonly OtherTunnel[] {
  const indexes = new Set(tunnels.map(({ index }) => index));
  const unicast = routes.filter(({ type }) => type === "unicast");
  const defaults = unicast.filter(({ table, destination }) => table === MAIN_TABLE && DEFAULTS.has(destination));
  const hasOtherDefault = defaults.some((route) => hopsOf(route).some((index) => !indexes.has(index)));
  return tunnels
    .flatMap(({ index, name }) => {
      if (!hasOtherDefault && defaults.some((route) => hopsOf(route).includes(index))) return [];
      const led = unicast.filter((route) => route.protocol !== KERNELS_OWN && hopsOf(route).includes(index));
      const destinations = [...new Set(led.map(({ destination }) => destination))].slice(0, MOST_DESTINATIONS);
      return destinations.length === 0 ? [] : [{ device: name, destinations }];
    })
    .toSorted((a, b) => (a.device < b.device ? -1 : 1));
}

function hopsOf({ oif, nextHops }: Route): readonly number[] {
  return (nextHops?.map((hop) => hop.oif) ?? [oif]).filter((index) => index !== undefined);
}
