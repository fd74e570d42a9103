import { AwgError } from "../../model/error.ts";
import { LINK_ALIAS_PREFIX, ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { LinkObserved, LinkSpec } from "../../model/resources/link.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import { ADDRESS_FLAG, type InterfaceAddress } from "../../native/linux/rtnetlink/interface-address.codec.ts";
import type { Link } from "../../native/linux/rtnetlink/link.codec.ts";
import { openRouteNetlink, type RouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { LinkPort } from "../ports/links.ts";
import { removeDeadSockets } from "./engines/engine-sockets.ts";
import type { KeeperClient } from "./keeper-client.ts";
import { readSysctl, writeSysctl } from "./sysctl.ts";

const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
/** IFAPROT_UNSPEC: what `ip address` writes. */
const NOBODYS_PROTOCOL = 0;

/** How a port learns which links there are. */
export type ListLinks = () => readonly Link[];

/** The links as they are now. */
export function listLinks(): readonly Link[] {
  using netlink = openRouteNetlink();
  return netlink.links();
}

/** The links as they were when they were first asked for. */
export function listLinksOnce(): ListLinks {
  let seen: readonly Link[] | undefined;
  return () => {
    seen ??= listLinks();
    return seen;
  };
}

/** Devices through rtnetlink; TUN descriptors are the keeper's to hold. */
export function linuxLinks(keeper: KeeperClient, list: ListLinks = listLinks): LinkPort {
  return {
    read: async () => readLinks(keeper, list()),
    ensure: (spec) => ensureLink(keeper, spec),
    remove: async (device) => removeLink(keeper, device),
    // Loaded where something stands that another program made.
    readHolder: async (device) => (await import("./adoption/foreign-engine.ts")).readLinkHolder(device),
    readLeftovers: async (device) => (await import("./adoption/leftovers.ts")).readLeftovers(device),
    adopt: (spec) => adoptLink(keeper, spec),
    release: async (spec) => releaseLink(keeper, spec),
    changeLeftovers: async (device, changes) =>
      (await import("./adoption/leftovers.ts")).changeLeftovers(device, changes),
  };
}

/** The tunnel named by a link's alias; undefined on a link that is not ours. */
export function tunnelOfLink({ alias }: Pick<Link, "alias">): string | undefined {
  return alias?.startsWith(LINK_ALIAS_PREFIX) ? alias.slice(LINK_ALIAS_PREFIX.length) : undefined;
}

function readLinks(keeper: KeeperClient, links: readonly Link[]): LinkObserved[] {
  using netlink = openRouteNetlink();
  const addresses = Map.groupBy(netlink.addresses(), ({ linkIndex }) => linkIndex);
  // Asked also where no device is ours: who is to change the machine learns of a silent keeper before the first write.
  const held = new Set(keeper.status()?.devices.map(({ device }) => device));
  return links.map((link) => ({
    device: link.name,
    index: link.index,
    type: typeOf(link),
    up: link.up,
    mtuBytes: link.mtu,
    addresses: (addresses.get(link.index) ?? []).map(({ address }) => address).sort(),
    tunnel: tunnelOfLink(link),
    held: typeOf(link) !== "tun" || held.has(link.name),
  }));
}

function typeOf({ kind }: Link): LinkObserved["type"] {
  return kind === "tun" || kind === "wireguard" ? kind : "other";
}

async function ensureLink(keeper: KeeperClient, spec: LinkSpec): Promise<void> {
  if (spec.type !== "tun") {
    throw new AwgError("unsupported", `awg cannot make ${spec.device} as a link of the kernel's own WireGuard yet`, {
      remedy: "say engine: userspace",
    });
  }
  using netlink = openRouteNetlink();
  const standing = netlink.link(spec.device);
  if (standing !== undefined) refuseForeign(keeper, standing);
  await keeper.ensureRunning();
  const alias = `${LINK_ALIAS_PREFIX}${spec.tunnel}`;
  keeper.request({ request: "openDevice", device: spec.device, alias });
  const link = netlink.link(spec.device);
  if (link === undefined) throw new AwgError("host", `the device ${spec.device} vanished while it was being made`);
  const change = {
    ...(link.alias === alias ? {} : { alias }),
    ...(link.mtu === spec.mtuBytes ? {} : { mtu: spec.mtuBytes }),
  };
  if (Object.keys(change).length > 0) netlink.changeLink(link.index, change);
  allowIpv6(spec);
  ensureAddresses(netlink, link.index, spec.addresses);
  if (!link.up) netlink.changeLink(link.index, { up: true });
}

/** The keeper copies the descriptor out of the engine; addresses stand all the while, and get our mark. */
async function adoptLink(keeper: KeeperClient, spec: LinkSpec): Promise<void> {
  await keeper.ensureRunning();
  keeper.request({ request: "adoptDevice", device: spec.device, alias: `${LINK_ALIAS_PREFIX}${spec.tunnel}` });
  using netlink = openRouteNetlink();
  const link = netlink.link(spec.device);
  if (link === undefined) throw new AwgError("host", `the device ${spec.device} vanished while it was taken over`);
  exactly(netlink, link, spec);
  markAddresses(netlink, link.index, ROUTE_PROTOCOL);
}

function releaseLink(keeper: KeeperClient, spec: LinkSpec): void {
  if (keeper.status() !== undefined) keeper.request({ request: "releaseDevice", device: spec.device });
  using netlink = openRouteNetlink();
  const link = netlink.link(spec.device);
  if (link === undefined) return;
  if (tunnelOfLink(link) !== undefined) netlink.changeLink(link.index, { alias: "" });
  exactly(netlink, link, spec);
  markAddresses(netlink, link.index, NOBODYS_PROTOCOL);
}

/** Sets who made the addresses, and nothing else of them: they stand all the while. */
function markAddresses(netlink: RouteNetlink, linkIndex: number, protocol: number): void {
  for (const one of addressesOf(netlink, linkIndex)) {
    if (!isKernelsOwn(one) && one.protocol !== protocol) netlink.addAddress({ ...one, protocol }, { replace: true });
  }
}

/** Sets mtu and addresses to the spec's, and the device up. */
function exactly(netlink: RouteNetlink, link: Link, spec: LinkSpec): void {
  if (link.mtu !== spec.mtuBytes) netlink.changeLink(link.index, { mtu: spec.mtuBytes });
  allowIpv6(spec);
  ensureAddresses(netlink, link.index, spec.addresses);
  if (!link.up) netlink.changeLink(link.index, { up: true });
}

/** The kernel refuses an IPv6 address on a device that came without IPv6, as net.ipv6.conf.default.disable_ipv6 has it. */
function allowIpv6({ device, addresses }: LinkSpec): void {
  if (!addresses.some((address) => address.includes(":"))) return;
  const setting = `net.ipv6.conf.${device.replaceAll(".", "/")}.disable_ipv6`;
  if (readSysctl(setting) === "1") writeSysctl(setting, "0");
}

/** A device that the keeper holds is ours though it may lack the alias still. */
function refuseForeign(keeper: KeeperClient, link: Link): void {
  if (tunnelOfLink(link) !== undefined) return;
  if (keeper.status()?.devices.some(({ device }) => device === link.name)) return;
  throw new AwgError("conflict", `there is a device ${link.name} that awg did not make`, {
    facts: { device: link.name },
    remedy: "give the tunnel another interface name, or delete that device",
  });
}

/**
 * Additions first, so that the device is never without an address. Deleting a first IPv4 address takes those of the
 * same prefix that came after it along (net/ipv4/devinet.c, unless promote_secondaries is set), so they are added again.
 */
function ensureAddresses(netlink: RouteNetlink, linkIndex: number, wanted: readonly string[]): void {
  addMissing(netlink, linkIndex, wanted);
  const surplus = addressesOf(netlink, linkIndex).filter((one) => !wanted.includes(one.address) && !isKernelsOwn(one));
  for (const one of surplus) {
    try {
      netlink.deleteAddress(one);
    } catch (error) {
      if (!hasErrno(error, "EADDRNOTAVAIL")) throw error;
    }
  }
  if (surplus.length > 0) addMissing(netlink, linkIndex, wanted);
}

function addMissing(netlink: RouteNetlink, linkIndex: number, wanted: readonly string[]): void {
  const standing = new Set(addressesOf(netlink, linkIndex).map(({ address }) => address));
  for (const address of wanted) {
    if (!standing.has(address)) addOne(netlink, linkIndex, address);
  }
}

/** IPv6 is off on a device with a smaller MTU (RFC 8200, section 5), and the kernel says EINVAL of its addresses then. */
const LEAST_IPV6_MTU = 1280;

function addOne(netlink: RouteNetlink, linkIndex: number, address: string): void {
  try {
    netlink.addAddress(addressOf(linkIndex, address), { replace: true });
  } catch (cause) {
    const { name = "", mtu = LEAST_IPV6_MTU } = netlink.link(linkIndex) ?? {};
    if (!(hasErrno(cause, "EINVAL") && address.includes(":") && mtu < LEAST_IPV6_MTU)) throw cause;
    throw new AwgError(
      "host",
      `${name} can have no IPv6 address (${address}): its MTU is ${mtu}, and IPv6 needs 1280`,
      {
        cause,
        remedy: `ip link set ${name} mtu ${LEAST_IPV6_MTU}, or leave lifecycle.ignore of its mtuBytes away`,
      },
    );
  }
}

function addressesOf(netlink: RouteNetlink, linkIndex: number): InterfaceAddress[] {
  return netlink.addresses(linkIndex).filter((one) => one.linkIndex === linkIndex);
}

function addressOf(linkIndex: number, address: string): InterfaceAddress {
  const family = address.includes(":") ? 6 : 4;
  const flags = family === 6 ? ADDRESS_FLAG.noDad : 0;
  return { family, linkIndex, address, scope: SCOPE_UNIVERSE, flags, protocol: ROUTE_PROTOCOL };
}

/** The link-local address that the kernel gives each IPv6 device which comes up. */
function isKernelsOwn({ family, scope, protocol }: InterfaceAddress): boolean {
  return family === 6 && scope === SCOPE_LINK && protocol !== ROUTE_PROTOCOL;
}

function removeLink(keeper: KeeperClient, device: string): void {
  using netlink = openRouteNetlink();
  const standing = netlink.link(device);
  if (standing !== undefined) refuseForeign(keeper, standing);
  // An engine that died is no tunnel any more that would be removed with what is its own.
  removeDeadSockets(device);
  if (keeper.status()?.devices.some((one) => one.device === device)) {
    keeper.request({ request: "closeDevice", device });
  }
  const left = netlink.link(device);
  if (left === undefined) return;
  try {
    netlink.deleteLink(left.index);
  } catch (error) {
    if (!hasErrno(error, "ENODEV")) throw error;
  }
}
