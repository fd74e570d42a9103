import type { Link } from "../../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../../native/linux/rtnetlink/route.codec.ts";
import { isDefault, type LinksAndRoutes } from "./uplinks.ts";

/** Kinds of links that lead to guests as ports of a bridge. A container's own uplink is of these kinds too. */
const GUEST_PORT_KINDS: readonly string[] = ["veth", "tun"];
/** Kinds that lead out of the host by themselves or by their lower device; hardware has no kind. */
const OUTWARD_KINDS: readonly string[] = ["bond", "team", "vlan", "macvlan", "dsa", "hv_netvsc"];
/** Kinds that are an uplink of a host or container if they are no port of a bridge. */
const UPLINK_KINDS: readonly string[] = ["veth", "ipvlan", "ppp", "wwan"];
/** Shapes traffic of other devices; it drops what is written to it (drivers/net/ifb.c, ifb_xmit). */
const SHAPER = "ifb";
/** ARPHRD_ETHER: with kind tun, a TAP device, such as a rootless container's uplink (slirp4netns, pasta). */
const ETHERNET = 1;

/** The devices of a host by rule S9.4. */
export interface JudgedDevices {
  /** Devices with judged frames: names, sorted. */
  readonly physical: readonly string[];
  /** Bridges with guests' ports, by assumption, and no port that certainly leads out: names, sorted. */
  readonly guestBridges: readonly string[];
}

/**
 * The devices on which frames are judged (rule S9.4): all but loopback, tunnels of the policy, bridges and
 * what a switch hangs on (their ports are judged) and ports of a bridge that lead to guests. Reads only.
 */
export function judgedDevices(netlink: LinksAndRoutes, tunnelDevices: readonly string[]): JudgedDevices {
  const links = netlink.links();
  const bridges = links.filter(isBridge);
  const masters = new Set(bridges.map((bridge) => bridge.index));
  const isPort = ({ masterIndex }: Link) => masterIndex !== undefined && masters.has(masterIndex);
  const doubtful = bridges.filter(({ index }) => {
    const ports = links.filter((link) => link.masterIndex === index);
    return ports.some(isGuestKind) && !ports.some(isOutward);
  });
  const others = links.filter((link) => isUplink(link) && !isPort(link) && !tunnelDevices.includes(link.name));
  const hasDefault = doubtful.length > 0 && others.some(({ index }) => netlink.routes({ oif: index }).some(isDefault));
  const isWayOut = (route: Route) => isDefault(route) || (!hasDefault && hasNextHop(route));
  const waysOut = doubtful.filter((bridge) => routesBy(netlink, links, bridge).some(isWayOut));
  const uplinks = new Set(others.length > 0 || waysOut.length > 0 ? waysOut : doubtful);
  const open = new Set([...uplinks].map((bridge) => bridge.index));
  const isGuestPort = (link: Link) => isPort(link) && isGuestKind(link) && !open.has(link.masterIndex ?? 0);
  const conduits = new Set(links.flatMap(({ kind, lowerIndex }) => (kind === "dsa" ? [lowerIndex] : [])));
  const hasOwnFrames = (link: Link) =>
    !(link.loopback || isBridge(link) || link.kind === SHAPER || conduits.has(link.index));
  const isJudged = (link: Link) => hasOwnFrames(link) && !tunnelDevices.includes(link.name) && !isGuestPort(link);
  return {
    physical: namesOf(links.filter(isJudged)),
    guestBridges: namesOf(doubtful.filter((bridge) => !uplinks.has(bridge))),
  };
}

/** The routes of a bridge and of VLANs on it. */
function routesBy(netlink: Pick<LinksAndRoutes, "routes">, links: readonly Link[], { index }: Link): Route[] {
  const above = links.filter(({ kind, lowerIndex }) => kind === "vlan" && lowerIndex === index);
  return [index, ...above.map((vlan) => vlan.index)].flatMap((oif) => netlink.routes({ oif }));
}

/** With a default route elsewhere, a gateway behind a bridge is a guest that routes, such as a container's VPN. */
function hasNextHop({ type, gateway, nextHops, nextHopId }: Route): boolean {
  return type === "unicast" && (gateway ?? nextHops ?? nextHopId) !== undefined;
}

function isBridge({ kind }: Link): boolean {
  return kind === "bridge";
}

function isGuestKind({ kind = "" }: Link): boolean {
  return GUEST_PORT_KINDS.includes(kind);
}

function isOutward({ kind, loopback }: Link): boolean {
  return !loopback && (kind === undefined || OUTWARD_KINDS.includes(kind));
}

function isUplink(link: Link): boolean {
  const { kind = "", hardwareType } = link;
  return isOutward(link) || UPLINK_KINDS.includes(kind) || (kind === "tun" && hardwareType === ETHERNET);
}

function namesOf(links: readonly Link[]): string[] {
  return links.map(({ name }) => name).toSorted();
}
