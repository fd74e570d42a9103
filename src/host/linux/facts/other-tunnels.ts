import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import type { RouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { FactsWanted, HostFacts, OtherTunnel } from "../../ports/facts.ts";

/** RT_TABLE_MAIN. */
const MAIN_TABLE = 254;
/** RTPROT_KERNEL: the route to a device's own network, which comes with its address. */
const KERNELS_OWN = 2;
const DEFAULTS: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);
/** So many destinations of one tunnel are told: they show what becomes of the rest. */
const MOST_DESTINATIONS = 100;

/** What is known of devices of a tunnel's kind that are not awg's, by the routes of all tables. */
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
 * The tunnels that somebody has led traffic into, in whatever table, by name. One that has the machine's only default routes
 * is its way out and none: containers of unprivileged users have a tap for that (slirp4netns).
 */
function otherTunnels(tunnels: readonly Link[], routes: readonly Route[]): readonly OtherTunnel[] {
  const indexes = new Set(tunnels.map(({ index }) => index));
  const unicast = routes.filter(({ type }) => type === "unicast");
  const ways = unicast.filter(({ table, destination }) => table === MAIN_TABLE && DEFAULTS.has(destination));
  const hasAnotherWay = ways.some((way) => hopsOf(way).some((index) => !indexes.has(index)));
  return tunnels
    .flatMap(({ index, name }) => {
      if (!hasAnotherWay && ways.some((way) => hopsOf(way).includes(index))) return [];
      const led = unicast.filter((route) => route.protocol !== KERNELS_OWN && hopsOf(route).includes(index));
      const destinations = [...new Set(led.map(({ destination }) => destination))].slice(0, MOST_DESTINATIONS);
      return destinations.length === 0 ? [] : [{ device: name, destinations }];
    })
    .toSorted((a, b) => (a.device < b.device ? -1 : 1));
}

function hopsOf({ oif, nextHops }: Route): readonly number[] {
  return (nextHops?.map((hop) => hop.oif) ?? [oif]).filter((index) => index !== undefined);
}
