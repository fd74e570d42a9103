import { addressToBytes, bytesToAddress, prefixToBytes } from "../address.codec.ts";
import { eachAttribute, type MessageWriter, readU8, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { type NextHop, readNextHops, writeGateway, writeNextHops } from "./next-hop.codec.ts";
import { AF, familyNumber, familyOf, RTM, type UnknownAttribute, unknownAttribute } from "./rtnetlink-constants.ts";

const RTA = {
  destination: 1,
  source: 2,
  iif: 3,
  oif: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  metrics: 8,
  multipath: 9,
  cacheInfo: 12,
  table: 15,
  mark: 16,
  via: 18,
  preference: 20,
  uid: 25,
  protocol: 27,
  sourcePort: 28,
  destinationPort: 29,
  nextHopId: 30,
} as const;
const RTAX_MTU = 2;
/** Offset in struct rta_cacheinfo (linux/rtnetlink.h). */
const CACHE_EXPIRES = 8;
const HEADER_BYTES = 12;
const LOOPBACK_INDEX = 1;
const SCOPE = { universe: 0, link: 253, nowhere: 255 } as const;
const LOOKUP_TABLE = 0x1000;

/** Route types; the index is RTN_*. */
const ROUTE_TYPES = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
] as const;
export type RouteType = (typeof ROUTE_TYPES)[number];

/** One entry of a routing table. Entries with equal family, table, destination and priority are the same. */
export interface Route {
  readonly family: 4 | 6;
  /** Canonical prefix; "0.0.0.0/0" or "::/0" for the default route. */
  readonly destination: string;
  readonly table: number;
  readonly type: RouteType;
  /** RTPROT_*: the creator (2 kernel, 3 boot, 4 static, 9 router advertisement, 16 DHCP). */
  readonly protocol: number;
  /** The metric; 0 when not set (the kernel uses 1024 for IPv6). */
  readonly priority: number;
  /** Default in a request: link for a route directly to an interface, universe otherwise. */
  readonly scope?: number;
  readonly oif?: number;
  /** The address text also distinguishes a gateway of the other family (RTA_VIA). */
  readonly gateway?: string;
  readonly preferredSource?: string;
  readonly mtu?: number;
  /** RTAX_* of further metrics. */
  readonly otherMetrics?: readonly number[];
  /** IPv4: the type of service it matches; absent for 0. */
  readonly tos?: number;
  /** The id of its next hop object. */
  readonly nextHopId?: number;
  /** IPv6: it expires. */
  readonly expires?: true;
  readonly nextHops?: readonly NextHop[];
  /** Source prefix of an IPv6 source-specific route. */
  readonly source?: string;
  /** RTNH_F_* and RTM_F_*; only when decoded (16 = link down, 1 = dead). */
  readonly flags?: number;
  readonly unknown?: readonly UnknownAttribute[];
}

/** Filters a dump inside the kernel; a missing table gives ENOENT. */
export interface RouteFilter {
  readonly table?: number;
  readonly protocol?: number;
  readonly oif?: number;
}

/** The packet of a route lookup. */
export interface RouteQuery {
  readonly destination: string;
  readonly source?: string;
  readonly mark?: number;
  readonly oif?: number;
  readonly iif?: number;
  readonly uid?: number;
  /** For policy rules that match ports; the kernel supports TCP and UDP (net/ipv4/route.c, inet_rtm_getroute). */
  readonly ports?: { readonly protocol: number; readonly source: number; readonly destination: number };
}

/** Requests the routes of one table, protocol or device. */
export function encodeRouteDump(family: 4 | 6, { table, protocol = 0, oif }: RouteFilter = {}): Uint8Array {
  return encodeMessage(RTM.getRoute, NLM.dump, (writer) => {
    writeHeader(writer, { family: familyNumber(family), table: table ?? 0, protocol });
    if (table !== undefined) writer.attributeU32(RTA.table, table);
    if (oif !== undefined) writer.attributeU32(RTA.oif, oif);
  });
}

/** Adds the route: "create" fails if it exists, "replace" replaces it. */
export function encodeRouteAddition(route: Route, how: "create" | "replace" = "create"): Uint8Array {
  const flags = NLM.create | (how === "replace" ? NLM.replace : NLM.exclusive);
  return encodeMessage(RTM.newRoute, flags, (writer) => {
    writeRoute(writer, route, route.scope ?? naturalScope(route));
    if (route.preferredSource !== undefined) {
      writer.attribute(RTA.preferredSource, addressToBytes(route.preferredSource));
    }
    if (route.mtu !== undefined) {
      const metrics = writer.begin(RTA.metrics);
      writer.attributeU32(RTAX_MTU, route.mtu);
      writer.end(metrics);
    }
    if (route.nextHops !== undefined) {
      const multipath = writer.begin(RTA.multipath, false);
      writeNextHops(writer, route.family, route.nextHops);
      writer.end(multipath);
    }
  });
}

/** Deletes the route that matches all given fields. */
export function encodeRouteDeletion(route: Route): Uint8Array {
  return encodeMessage(RTM.deleteRoute, 0, (writer) => writeRoute(writer, route, SCOPE.nowhere));
}

/** Requests the kernel's routing decision; the reply names the table of the route. */
export function encodeRouteQuery(query: RouteQuery): Uint8Array {
  const destination = addressToBytes(query.destination);
  return encodeMessage(RTM.getRoute, 0, (writer) => {
    const family = destination.length === 4 ? AF.inet : AF.inet6;
    const sourceLength = query.source === undefined ? 0 : destination.length * 8;
    // IPv6 always names the table, and refuses the flag (net/ipv6/route.c, inet6_rtm_valid_getroute_req).
    const flags = family === AF.inet ? LOOKUP_TABLE : 0;
    writeHeader(writer, { family, destinationLength: destination.length * 8, sourceLength, flags });
    writer.attribute(RTA.destination, destination);
    if (query.source !== undefined) writer.attribute(RTA.source, addressToBytes(query.source));
    if (query.mark !== undefined) writer.attributeU32(RTA.mark, query.mark);
    if (query.oif !== undefined) writer.attributeU32(RTA.oif, query.oif);
    if (query.iif !== undefined) writer.attributeU32(RTA.iif, query.iif);
    if (query.uid !== undefined) writer.attributeU32(RTA.uid, query.uid);
    if (query.ports === undefined) return;
    writer.attributeU8(RTA.protocol, query.ports.protocol);
    writer.attributeU16be(RTA.sourcePort, query.ports.source);
    writer.attributeU16be(RTA.destinationPort, query.ports.destination);
  });
}

/** The route of an RTM_NEWROUTE or RTM_DELROUTE; undefined for other messages and families. */
export function decodeRoute({ type, payload }: NetlinkMessage): Route | undefined {
  if (type !== RTM.newRoute && type !== RTM.deleteRoute) return undefined;
  const family = familyOf(readU8(payload, 0));
  if (family === undefined) return undefined;
  const kind = ROUTE_TYPES[readU8(payload, 7)] ?? "unspecified";
  const draft: Draft<Route> = {
    family,
    destination: family === 4 ? "0.0.0.0/0" : "::/0",
    table: readU8(payload, 4),
    type: kind,
    protocol: readU8(payload, 5),
    priority: 0,
    ...(readU8(payload, 3) === 0 ? {} : { tos: readU8(payload, 3) }),
    scope: readU8(payload, 6),
    flags: readU32(payload, 8),
  };
  eachAttribute(payload, HEADER_BYTES, payload.length, (attribute, from, to) => {
    readRouteAttribute(draft, payload, attribute, from, to);
  });
  // The kernel sets the loopback link for IPv6 routes that lead nowhere.
  if (draft.oif === LOOPBACK_INDEX && family === 6 && leadsNowhere(kind)) delete draft.oif;
  return draft;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

function leadsNowhere(type: RouteType): boolean {
  return type === "blackhole" || type === "unreachable" || type === "prohibit" || type === "throw";
}

function readRouteAttribute(draft: Draft<Route>, payload: Uint8Array, type: number, from: number, to: number): void {
  const value = () => payload.subarray(from, to);
  switch (type) {
    case RTA.destination:
      draft.destination = `${bytesToAddress(value())}/${readU8(payload, 1)}`;
      break;
    case RTA.source:
      draft.source = `${bytesToAddress(value())}/${readU8(payload, 2)}`;
      break;
    case RTA.oif:
      draft.oif = readU32(value());
      break;
    case RTA.gateway:
      draft.gateway = bytesToAddress(value());
      break;
    case RTA.via:
      draft.gateway = bytesToAddress(payload.subarray(from + 2, to));
      break;
    case RTA.priority:
      draft.priority = readU32(value());
      break;
    case RTA.preferredSource:
      draft.preferredSource = bytesToAddress(value());
      break;
    case RTA.table:
      draft.table = readU32(value());
      break;
    case RTA.metrics:
      readMetrics(draft, payload, from, to);
      break;
    case RTA.multipath:
      draft.nextHops = readNextHops(value());
      break;
    case RTA.nextHopId:
      draft.nextHopId = readU32(value());
      break;
    case RTA.cacheInfo:
      if (value().length >= CACHE_EXPIRES + 4 && readU32(value(), CACHE_EXPIRES) !== 0) draft.expires = true;
      break;
    // The uid of a lookup and the preference of a router advertisement are not used.
    case RTA.uid:
    case RTA.preference:
      break;
    default:
      draft.unknown = [...(draft.unknown ?? []), unknownAttribute(type, value())];
  }
}

function readMetrics(draft: Draft<Route>, payload: Uint8Array, from: number, to: number): void {
  eachAttribute(payload, from, to, (metric, start, end) => {
    if (metric === RTAX_MTU) draft.mtu = readU32(payload.subarray(start, end));
    else draft.otherMetrics = [...(draft.otherMetrics ?? []), metric];
  });
}

interface HeaderFields {
  readonly family: number;
  readonly destinationLength?: number;
  readonly sourceLength?: number;
  readonly tos?: number;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

function writeHeader(writer: MessageWriter, fields: HeaderFields): void {
  const { table = 0 } = fields;
  writer.u8(fields.family);
  writer.u8(fields.destinationLength ?? 0);
  writer.u8(fields.sourceLength ?? 0);
  writer.u8(fields.tos ?? 0);
  writer.u8(table > 255 ? 0 : table);
  writer.u8(fields.protocol ?? 0);
  writer.u8(fields.scope ?? 0);
  writer.u8(fields.type ?? 0);
  writer.u32(fields.flags ?? 0);
}

function writeRoute(writer: MessageWriter, route: Route, scope: number): void {
  const { address, length } = prefixToBytes(route.destination);
  const source = route.source === undefined ? undefined : prefixToBytes(route.source);
  writeHeader(writer, {
    family: familyNumber(route.family),
    destinationLength: length,
    sourceLength: source?.length ?? 0,
    ...(route.tos === undefined ? {} : { tos: route.tos }),
    table: route.table,
    protocol: route.protocol,
    scope,
    type: ROUTE_TYPES.indexOf(route.type),
  });
  writer.attributeU32(RTA.table, route.table);
  if (length > 0) writer.attribute(RTA.destination, address);
  if (source !== undefined) writer.attribute(RTA.source, source.address);
  if (route.priority !== 0) writer.attributeU32(RTA.priority, route.priority);
  // A next hop object has both (net/ipv4/fib_frontend.c, rtm_to_fib_config).
  if (route.nextHopId !== undefined) writer.attributeU32(RTA.nextHopId, route.nextHopId);
  else if (route.oif !== undefined) writer.attributeU32(RTA.oif, route.oif);
  if (route.nextHopId === undefined && route.gateway !== undefined) writeGateway(writer, route.family, route.gateway);
}

function naturalScope({ family, type, gateway, nextHops }: Route): number {
  return family === 4 && type === "unicast" && gateway === undefined && nextHops === undefined
    ? SCOPE.link
    : SCOPE.universe;
}
