import { constant, StructView, sizeOf } from "../abi.ts";
import type { FakeAddress, FakeInterface, FakeMachine, FakeRoute } from "../machine.ts";
import { ipSockaddr, linkSockaddr, trimmedMask } from "./sockaddr.ts";

/** IFT_ETHER: its link gateways are dumped without a name, those of a utun with it (fixtures raw-route-sockaddrs 1 and 2). */
const ETHERNET = 6;

/** What a routing message says besides its route. */
export interface RouteHeader {
  readonly type: "RTM_ADD" | "RTM_DELETE" | "RTM_CHANGE" | "RTM_GET" | "RTM_GET2" | "RTM_MISS";
  readonly pid: number;
  readonly seq: number;
  readonly errno: number;
  readonly flags: number;
  /** Whether the interface's own address (IFP, IFA) is to be told. */
  readonly withInterface: boolean;
}

/**
 * One routing message. On the socket its tail is not padded; in a dump each address is padded to four bytes
 * (ABI rules route_socket_message_tail, route_message_sockaddr_alignment).
 */
export function routeMessage(machine: FakeMachine, route: FakeRoute, header: RouteHeader, padded: boolean): Uint8Array {
  const { prefix } = route;
  const device = machine.interfaceAt(route.interfaceIndex) ?? { index: route.interfaceIndex, type: 1, name: "" };
  const gateway =
    route.gateway === "link"
      ? linkSockaddr(device.type === ETHERNET ? { ...device, name: "" } : device)
      : ipSockaddr(route.gateway, route.interfaceIndex);
  const addresses = new Map<string, Uint8Array>();
  addresses.set("DST", ipSockaddr({ family: prefix.family, value: prefix.address }, route.interfaceIndex));
  addresses.set("GATEWAY", gateway);
  if ((route.flags & constant("RTF_HOST")) === 0) addresses.set("NETMASK", trimmedMask(prefix));
  if (header.withInterface) addresses.set("IFP", linkSockaddr(device));
  const struct = header.type === "RTM_GET2" ? "rt_msghdr2" : "rt_msghdr";
  const { bytes, bits } = joinAddresses(sizeOf(struct), addresses, padded);
  const view = new StructView(struct, bytes);
  view.set("rtm_msglen", bytes.length);
  view.set("rtm_version", constant("RTM_VERSION"));
  view.set("rtm_type", constant(header.type));
  view.set("rtm_index", route.interfaceIndex);
  view.set("rtm_flags", header.flags);
  view.set("rtm_addrs", bits);
  if (struct === "rt_msghdr") {
    view.set("rtm_pid", header.pid);
    view.set("rtm_seq", header.seq);
    view.set("rtm_errno", header.errno);
  }
  if (route.mtu !== 0) {
    view.set("rtm_rmx.rmx_locks", constant("RTV_MTU"));
    view.set("rtm_rmx.rmx_mtu", route.mtu);
  }
  return bytes;
}

/** RTM_NEWADDR or RTM_DELADDR: ifa_msghdr, then NETMASK, IFP, IFA and BRD in the order of their bits. */
export function addressMessage(type: string, device: FakeInterface, address: FakeAddress, padded: boolean): Uint8Array {
  const { prefix, peer } = address;
  const addresses = new Map([
    ["NETMASK", trimmedMask(prefix)],
    ["IFP", linkSockaddr(device)],
    ["IFA", ipSockaddr({ family: prefix.family, value: prefix.address }, device.index)],
  ]);
  if (peer !== undefined) addresses.set("BRD", ipSockaddr(peer, device.index));
  const { bytes, bits } = joinAddresses(sizeOf("ifa_msghdr"), addresses, padded);
  const view = new StructView("ifa_msghdr", bytes);
  view.set("ifam_msglen", bytes.length);
  view.set("ifam_version", constant("RTM_VERSION"));
  view.set("ifam_type", constant(type));
  view.set("ifam_addrs", bits);
  view.set("ifam_flags", device.flags);
  view.set("ifam_index", device.index);
  return bytes;
}

/** RTM_IFINFO on the socket: if_msghdr alone, no addresses (darwin-notes 3 Watch). */
export function interfaceMessage(device: FakeInterface): Uint8Array {
  const bytes = new Uint8Array(sizeOf("if_msghdr"));
  fillInterface(new StructView("if_msghdr", bytes), device, bytes.length, constant("RTM_IFINFO"), 0);
  return bytes;
}

/** RTM_IFINFO2 in a dump: if_msghdr2 with the link address. */
export function interfaceDump(device: FakeInterface): Uint8Array {
  const { bytes, bits } = joinAddresses(sizeOf("if_msghdr2"), new Map([["IFP", linkSockaddr(device)]]), true);
  fillInterface(new StructView("if_msghdr2", bytes), device, bytes.length, constant("RTM_IFINFO2"), bits);
  return bytes;
}

function fillInterface(view: StructView, device: FakeInterface, length: number, type: number, bits: number): void {
  view.set("ifm_msglen", length);
  view.set("ifm_version", constant("RTM_VERSION"));
  view.set("ifm_type", type);
  view.set("ifm_addrs", bits);
  view.set("ifm_flags", device.flags);
  view.set("ifm_index", device.index);
  view.set("ifm_data.ifi_type", device.type);
  view.set("ifm_data.ifi_mtu", device.mtu);
}

function joinAddresses(
  headerSize: number,
  addresses: ReadonlyMap<string, Uint8Array>,
  padded: boolean,
): { readonly bytes: Uint8Array; readonly bits: number } {
  const order = [...addresses].sort(([a], [b]) => constant(`RTAX_${a}`) - constant(`RTAX_${b}`));
  let end = headerSize;
  let bits = 0;
  const places = order.map(([name, bytes]) => {
    const at = end;
    bits |= constant(`RTA_${name}`);
    end += Math.max(4, (bytes.length + 3) & ~3);
    return { at, bytes };
  });
  const last = places.at(-1);
  const length = padded || last === undefined ? end : last.at + Math.max(4, last.bytes.length);
  const bytes = new Uint8Array(length);
  for (const place of places) bytes.set(place.bytes, place.at);
  return { bytes, bits };
}
