import { parseIp } from "../../../model/ip.ts";
import { sha256 } from "../../../model/sha256.ts";
import { readNamespaceInode } from "../../../native/linux/process/namespace.ffi.ts";
import { textOf } from "../../../native/linux/readable-files.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { ROUTE_TABLE } from "../../../native/linux/rtnetlink/rtnetlink-constants.ts";
import { bytesToHex } from "../../../uapi/key-text.ts";
import type { FactsPort, FactsWanted, HostFacts, Uplink } from "../../ports/facts.ts";
import { tunnelOfLink } from "../links.ts";
import { type ResolverPlaces, readHostServers } from "../resolver/host-servers.ts";
import { readServiceUser, readSubordinates, readUids } from "../service-user.ts";
import { type NftCapabilities, readCapabilities, readNftCapabilities } from "./capabilities.ts";
import { resolveHosts } from "./host-lookup.ts";
import { networksOf } from "./networks.ts";
import { pathMtus } from "./path-mtu.ts";
import { queueOf } from "./queues.ts";
import { asksResolved, readResolverMethod } from "./resolver-method.ts";
import { readScripts } from "./scripts.ts";

/**
 * The kernel's link kinds of VPN devices: OpenVPN with and without its kernel module, WireGuard and AmneziaWG, IPsec
 * where it has routes.
 */
const TUNNEL = /^(tun|wireguard|amneziawg|ovpn|ovpn-dco|vti6?|xfrm)$/;
const DEFAULTS: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);

/**
 * The host's facts, read again on each call.
 *
 * @param namespaced whether awg acts in a network namespace other than the host's own
 * @param places where awg keeps what it changed of the resolver
 * @param nftCapabilities returns the known capabilities of the kernel
 */
export function linuxFacts(
  namespaced: boolean,
  places: ResolverPlaces,
  nftCapabilities = readNftCapabilities,
): FactsPort {
  return { read: (wanted) => readFacts(wanted, { namespaced, places, nftCapabilities }) };
}

interface FactsDeps {
  readonly namespaced: boolean;
  readonly places: ResolverPlaces;
  readonly nftCapabilities: () => NftCapabilities;
}

async function readFacts(wanted: FactsWanted, { namespaced, places, nftCapabilities }: FactsDeps): Promise<HostFacts> {
  const user = readServiceUser();
  using netlink = openRouteNetlink();
  const links = netlink.links().filter((link) => tunnelOfLink(link) === undefined && !link.loopback);
  const routes = netlink.routes({ table: ROUTE_TABLE.main });
  const uplinks = uplinksOf(routes, links);
  const tunnels = links.filter(({ kind = "" }) => TUNNEL.test(kind));
  const { bootstrap = [], hosts } = wanted;
  const isDeclared = bootstrap.length > 0 || hosts.length === 0;
  const host = isDeclared ? { servers: [], search: [] } : await readHostServers(places);
  const addresses = await resolveHosts(hosts, { bootstrap, host, user });
  return {
    os: "linux",
    fingerprint: readFingerprint(),
    capabilities: readCapabilities(namespaced, nftCapabilities),
    uplinks,
    ...(wanted.networks === true ? { networks: networksOf(uplinks, links, netlink.neighbours()) } : {}),
    pathMtuBytes: pathMtus([...Object.values(addresses).flat(), ...(wanted.endpoints ?? [])], routes, links),
    devices: links.map((link) => ({ name: link.name, mtuBytes: link.mtu, ...queueOf(link) })),
    serviceUid: user.uid,
    uids: readUids(wanted.users),
    ...readSubordinates(wanted.users),
    addresses,
    resolver: readResolverMethod(namespaced),
    ...(wanted.rates === undefined ? {} : { rates: (await import("./rates.ts")).readRates(wanted.rates) }),
    ...readScripts(wanted.programs ?? []),
    ...(asksResolved() ? { asksResolved: true } : {}),
    ...(host.servers.length === 0
      ? {}
      : { nameServers: host.servers.filter((server) => parseIp(server) !== undefined) }),
    ...(wanted.devices === undefined
      ? {}
      : (await import("../adoption/foreign-engine.ts")).readForeignEngines(wanted.devices)),
    ...(tunnels.length === 0 ? {} : (await import("./other-tunnels.ts")).readOtherTunnels(netlink, tunnels, wanted)),
  };
}

/**
 * Identifies the host and the network namespace, so that a plan made elsewhere is refused. Hex SHA-256 of the machine
 * id (machine-id(5) asks not to expose it) and the namespace's inode.
 */
export function readFingerprint(): string {
  const text = `awg ${textOf("/etc/machine-id").trim()} ${readNamespaceInode()}`;
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/** Default routes of the main table by devices that are not ours, in order of preference. */
export function uplinksOf(routes: readonly Route[], links: readonly Link[]): Uplink[] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return routes
    .filter(({ destination, type }) => DEFAULTS.has(destination) && type === "unicast")
    .flatMap(({ family, priority, oif, gateway, nextHops }) =>
      (nextHops ?? [{ oif, gateway }]).flatMap((hop) => {
        const device = names.get(hop.oif ?? 0);
        if (device === undefined) return [];
        return [{ family, device, metric: priority, ...(hop.gateway === undefined ? {} : { gateway: hop.gateway }) }];
      }),
    )
    .sort((a, b) => a.family - b.family || a.metric - b.metric);
}
