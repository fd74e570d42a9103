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

/** Lists the links; ports share one list. */
export type ListLinks = () => readonly Link[];

/** The links as they are now. */
export function listLinks(): readonly Link[] {
  using netlink = openRouteNetlink();
  return netlink.links();
}

/** Lists the links on the first call and returns the same list afterwards. */
export function listLinksOnce(): ListLinks {
  let seen: readonly Link[] | undefined;
  return () => {
    seen ??= listLinks();
    return seen;
  };
}

/** Devices by rtnetlink; the keeper holds the TUN descriptors. */
export function linuxLinks(keeper: KeeperClient, list: ListLinks = listLinks): LinkPort {
  return {
    read: () => readLinks(keeper, list()),
    ensure: (spec) => ensureLink(keeper, spec),
    remove: (device) => removeLink(keeper, device),
    // Loaded only where another program made devices or tables.
    readHolder: async (device) => (await import("./adoption/foreign-engine.ts")).readLinkHolder(device),
    readLeftovers: async (device) => (await import("./adoption/leftovers.ts")).readLeftovers(device),
    adopt: (spec) => adoptLink(keeper, spec),
    release: (spec) => releaseLink(keeper, spec),
    changeLeftovers: async (device, changes) =>
      (await import("./adoption/leftovers.ts")).changeLeftovers(device, changes),
  };
}

/** The tunnel named in a link's alias; undefined for a link that is not ours. */
export function tunnelOfLink({ alias }: Pick<Link, "alias">): string | undefined {
  return alias?.startsWith(LINK_ALIAS_PREFIX) ? alias.slice(LINK_ALIAS_PREFIX.length) : undefined;
}

async function readLinks(keeper: KeeperClient, links: readonly Link[]): Promise<LinkObserved[]> {
  using netlink = openRouteNetlink();
  const addresses = Map.groupBy(netlink.addresses(), ({ linkIndex }) => linkIndex);
  // Asked even when no device is ours: an apply then learns of a silent keeper before its first write.
  const held = new Set((await keeper.status())?.devices.map(({ device }) => device));
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
    throw new AwgError("unsupported", `awg cannot create ${spec.device} as a kernel WireGuard link yet`, {
      remedy: "set engine: userspace",
    });
  }
  using netlink = openRouteNetlink();
  const existing = netlink.link(spec.device);
  if (existing !== undefined) await refuseForeign(keeper, existing);
  await keeper.ensureRunning();
  const alias = `${LINK_ALIAS_PREFIX}${spec.tunnel}`;
  await keeper.request({ request: "openDevice", device: spec.device, alias });
  const link = netlink.link(spec.device);
  if (link === undefined) throw new AwgError("host", `the device ${spec.device} disappeared while awg created it`);
  const change = {
    ...(link.alias === alias ? {} : { alias }),
    ...(link.mtu === spec.mtuBytes ? {} : { mtu: spec.mtuBytes }),
  };
  if (Object.keys(change).length > 0) netlink.changeLink(link.index, change);
  allowIpv6(spec);
  ensureAddresses(netlink, link.index, spec.addresses);
  if (!link.up) netlink.changeLink(link.index, { up: true });
}

/**
 * The keeper copies the descriptor from the engine. The addresses stay in place throughout and get our protocol number.
 */
async function adoptLink(keeper: KeeperClient, spec: LinkSpec): Promise<void> {
  await keeper.ensureRunning();
  await keeper.request({ request: "adoptDevice", device: spec.device, alias: `${LINK_ALIAS_PREFIX}${spec.tunnel}` });
  using netlink = openRouteNetlink();
  const link = netlink.link(spec.device);
  if (link === undefined) throw new AwgError("host", `the device ${spec.device} disappeared while awg adopted it`);
  exactly(netlink, link, spec);
  markAddresses(netlink, link.index, ROUTE_PROTOCOL);
}

async function releaseLink(keeper: KeeperClient, spec: LinkSpec): Promise<void> {
  if ((await keeper.status()) !== undefined) await keeper.request({ request: "releaseDevice", device: spec.device });
  using netlink = openRouteNetlink();
  const link = netlink.link(spec.device);
  if (link === undefined) return;
  if (tunnelOfLink(link) !== undefined) netlink.changeLink(link.index, { alias: "" });
  exactly(netlink, link, spec);
  markAddresses(netlink, link.index, NOBODYS_PROTOCOL);
}

/** Sets the protocol of the addresses and nothing else; they stay in place. */
function markAddresses(netlink: RouteNetlink, linkIndex: number, protocol: number): void {
  for (const one of addressesOf(netlink, linkIndex)) {
    if (!isKernelsOwn(one) && one.protocol !== protocol) netlink.addAddress({ ...one, protocol }, { replace: true });
  }
}

/** Sets the spec's MTU and addresses, and brings the device up. */
function exactly(netlink: RouteNetlink, link: Link, spec: LinkSpec): void {
  if (link.mtu !== spec.mtuBytes) netlink.changeLink(link.index, { mtu: spec.mtuBytes });
  allowIpv6(spec);
  ensureAddresses(netlink, link.index, spec.addresses);
  if (!link.up) netlink.changeLink(link.index, { up: true });
}

/** A device created while net.ipv6.conf.default.disable_ipv6 is 1 refuses IPv6 addresses. */
function allowIpv6({ device, addresses }: LinkSpec): void {
  if (!addresses.some((address) => address.includes(":"))) return;
  const setting = `net.ipv6.conf.${device.replaceAll(".", "/")}.disable_ipv6`;
  if (readSysctl(setting) === "1") writeSysctl(setting, "0");
}

/** A device that the keeper holds is ours even if its alias is not set yet. */
async function refuseForeign(keeper: KeeperClient, link: Link): Promise<void> {
  if (tunnelOfLink(link) !== undefined) return;
  if ((await keeper.status())?.devices.some(({ device }) => device === link.name)) return;
  throw new AwgError("conflict", `the device ${link.name} exists and awg did not make it`, {
    facts: { device: link.name },
    remedy: "set another interface name for the tunnel, or delete that device",
  });
}

/**
 * Adds before it deletes, so that the device always has an address. Deleting a first IPv4 address also deletes later
 * ones of the same prefix (net/ipv4/devinet.c, unless promote_secondaries is set), so those are added again.
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
  const existing = new Set(addressesOf(netlink, linkIndex).map(({ address }) => address));
  for (const address of wanted) {
    if (!existing.has(address)) addOne(netlink, linkIndex, address);
  }
}

/**
 * A smaller MTU disables IPv6 on the device (RFC 8200, section 5); the kernel then refuses its addresses with EINVAL.
 */
const LEAST_IPV6_MTU = 1280;

function addOne(netlink: RouteNetlink, linkIndex: number, address: string): void {
  try {
    netlink.addAddress(addressOf(linkIndex, address), { replace: true });
  } catch (cause) {
    const { name = "", mtu = LEAST_IPV6_MTU } = netlink.link(linkIndex) ?? {};
    if (!(hasErrno(cause, "EINVAL") && address.includes(":") && mtu < LEAST_IPV6_MTU)) throw cause;
    throw new AwgError(
      "host",
      `${name} cannot have the IPv6 address ${address}: its MTU is ${mtu}, and IPv6 needs 1280`,
      {
        cause,
        remedy: `ip link set ${name} mtu ${LEAST_IPV6_MTU}, or remove mtuBytes from lifecycle.ignore`,
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

/** The link-local address that the kernel assigns to each IPv6 device when it comes up. */
function isKernelsOwn({ family, scope, protocol }: InterfaceAddress): boolean {
  return family === 6 && scope === SCOPE_LINK && protocol !== ROUTE_PROTOCOL;
}

async function removeLink(keeper: KeeperClient, device: string): Promise<void> {
  using netlink = openRouteNetlink();
  const existing = netlink.link(device);
  if (existing !== undefined) await refuseForeign(keeper, existing);
  // The removal of a dead engine would not remove the rest of its tunnel.
  removeDeadSockets(keeper.folder, device);
  if ((await keeper.status())?.devices.some((one) => one.device === device)) {
    await keeper.request({ request: "closeDevice", device });
  }
  const left = netlink.link(device);
  if (left === undefined) return;
  try {
    netlink.deleteLink(left.index);
  } catch (error) {
    if (!hasErrno(error, "ENODEV")) throw error;
  }
}
