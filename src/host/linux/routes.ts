import { AwgError } from "../../model/error.ts";
import { ROUTE_PROTOCOL, TABLE_BASE } from "../../model/ownership.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import type { Link } from "../../native/linux/rtnetlink/link.codec.ts";
import type { Route as KernelRoute } from "../../native/linux/rtnetlink/route.codec.ts";
import {
  openRouteNetlink,
  type RouteChange,
  type RouteNetlink,
} from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { Route, RouteChanges, RoutePort } from "../ports/routes.ts";
import { type ListLinks, listLinks } from "./links.ts";
import { kernelRuleOf, ruleEntryOf } from "./policy-rule-mapping.ts";

/** The metric the kernel sets for an IPv6 route without one (IP6_RT_PRIO_USER). */
const IPV6_DEFAULT_METRIC = 1024;
/** RT_SCOPE_HOST of linux/rtnetlink.h, the widest that a local route may have. */
const SCOPE_HOST = 254;
const TABLE_NUMBERS = 0xffff;
/** A flag of rtm_flags: the gateway counts as on-link (linux/rtnetlink.h). */
const RTNH_F_ONLINK = 4;
const TYPES: ReadonlySet<string> = new Set(["unicast", "unreachable", "blackhole", "throw", "local", "multicast"]);
const WITH_DEVICE: ReadonlySet<string> = new Set(["unicast", "local", "multicast"]);

/** Routing tables and policy rules by rtnetlink; the changes of one call use as few messages as possible. */
export function linuxRoutes(list: ListLinks = listLinks): RoutePort {
  return {
    readRoutes: async (tables) => readRoutes(tables, list),
    readRules: async () => {
      using netlink = openRouteNetlink();
      return netlink.rules().map(ruleEntryOf);
    },
    change: async (changes) => applyChanges(changes),
  };
}

function readRoutes(tables: readonly number[] | undefined, list: ListLinks): Route[] {
  using netlink = openRouteNetlink();
  const routes =
    tables === undefined ? netlink.routes() : [...new Set(tables)].flatMap((table) => netlink.routes({ table }));
  const names = namesOf(list());
  // A device and its routes may have appeared since the list was read.
  const isStrange = ({ oif, nextHops = [] }: KernelRoute) =>
    [oif, ...nextHops.map((hop) => hop.oif)].some((index) => index !== undefined && index !== 0 && !names.has(index));
  const named = routes.some(isStrange) ? namesOf(netlink.links()) : names;
  return routes.map((route) => routeOf(route, named));
}

function namesOf(links: readonly Link[]): ReadonlyMap<number, string> {
  return new Map(links.map(({ index, name }) => [index, name]));
}

function routeOf(route: KernelRoute, names: ReadonlyMap<number, string>): Route {
  const { family, table, destination, protocol, oif, gateway } = route;
  const nextHop = route.nextHops?.[0];
  const device = names.get(oif ?? nextHop?.oif ?? 0);
  const via = gateway ?? nextHop?.gateway;
  const otherDevices = route.nextHops?.slice(1).map((hop) => names.get(hop.oif) ?? `(device ${hop.oif})`) ?? [];
  const source = isDelivery(route) ? route.preferredSource : undefined;
  const foreign = foreignText(route, otherDevices, source !== undefined);
  const hasDevice = WITH_DEVICE.has(route.type);
  const isOursWithoutMetric = family === 6 && protocol === ROUTE_PROTOCOL && route.priority === IPV6_DEFAULT_METRIC;
  return {
    family,
    table,
    destination,
    type: TYPES.has(route.type) ? (route.type as Route["type"]) : "other",
    ...(device === undefined || !hasDevice ? {} : { device }),
    ...(via === undefined ? {} : { gateway: via }),
    metric: isOursWithoutMetric ? 0 : route.priority,
    protocol,
    ...(source === undefined ? {} : { source }),
    ...(otherDevices.length === 0 ? {} : { otherDevices }),
    ...(foreign === "" ? {} : { foreign }),
  };
}

/** Our own routes that deliver to this host. */
function isDelivery({ type, protocol }: KernelRoute): boolean {
  return type === "local" && protocol === ROUTE_PROTOCOL;
}

/** Attributes of a route that the port cannot express; the kernel adds none of them by itself. */
function foreignText(route: KernelRoute, otherDevices: readonly string[], isSourceKnown: boolean): string {
  const { tos, source, preferredSource, mtu, otherMetrics, nextHopId, flags = 0, expires, unknown } = route;
  const parts: string[] = [];
  if (tos !== undefined) parts.push(`tos ${tos}`);
  if (source !== undefined) parts.push(`from ${source}`);
  if (preferredSource !== undefined && !isSourceKnown) parts.push(`src ${preferredSource}`);
  if (mtu !== undefined) parts.push(`mtu ${mtu}`);
  if (otherMetrics !== undefined) parts.push(...otherMetrics.map((metric) => `metric ${metric}`));
  if (nextHopId !== undefined) parts.push(`nhid ${nextHopId}`);
  parts.push(...otherDevices.map((device) => `nexthop dev ${device}`));
  if ((flags & RTNH_F_ONLINK) !== 0) parts.push("onlink");
  if (expires === true) parts.push("expires");
  if (unknown !== undefined) parts.push(...unknown.map(({ type }) => `attribute ${type}`));
  return parts.join(" ");
}

function applyChanges({ addRoutes, addRules, deleteRules, deleteRoutes }: RouteChanges): void {
  using netlink = openRouteNetlink();
  const indexes = new Map(netlink.links().map(({ index, name }) => [name, index]));
  addAll(netlink, addRoutes, indexes);
  for (const rule of addRules) tolerate(() => netlink.addRule(kernelRuleOf(rule)), "EEXIST");
  for (const rule of deleteRules) tolerate(() => netlink.deleteRule(kernelRuleOf(rule)), "ENOENT", "ESRCH");
  // The kernel removed the routes of a missing device.
  const left = deleteRoutes.filter(({ device }) => device === undefined || indexes.has(device));
  const modelled = left.filter(({ foreign }) => foreign === undefined).map((route) => kernelRouteOf(route, indexes));
  const others = findForeign(netlink, left);
  writeRoutes(
    netlink,
    [...modelled, ...others].map((route) => ({ verb: "delete", route })),
  );
}

/**
 * Routes with attributes that the port cannot express, in the kernel's form: deleting by our form could hit another
 * route.
 */
function findForeign(netlink: RouteNetlink, routes: readonly Route[]): KernelRoute[] {
  const wanted = routes.filter(({ foreign }) => foreign !== undefined);
  if (wanted.length === 0) return [];
  const texts = new Set(wanted.map((route) => JSON.stringify(route)));
  const names = namesOf(netlink.links());
  const existing = [...new Set(wanted.map(({ table }) => table))].flatMap((table) => netlink.routes({ table }));
  return existing.filter((route) => texts.has(JSON.stringify(routeOf(route, names))));
}

function writeRoutes(netlink: RouteNetlink, changes: readonly RouteChange[]): void {
  if (changes.length === 0) return;
  for (const [index, error] of netlink.changeRoutes(changes).entries()) {
    if (error === undefined) continue;
    const isDeletion = changes[index]?.verb === "delete";
    if (isDeletion ? hasErrno(error, "ESRCH", "ENOENT", "ENODEV") : hasErrno(error, "EEXIST")) continue;
    throw error;
  }
}

/**
 * In our table a route may replace another of ours (the same prefix into another device). The kernel's "replace"
 * ignores the owner, so it is used only where the existing route is ours.
 */
function addAll(netlink: RouteNetlink, routes: readonly Route[], indexes: ReadonlyMap<string, number>): void {
  const additions = routes.map((route): RouteChange => ({ verb: "create", route: kernelRouteOf(route, indexes) }));
  if (additions.length === 0) return;
  const taken: KernelRoute[] = [];
  for (const [index, error] of netlink.changeRoutes(additions).entries()) {
    if (error === undefined) continue;
    const route = additions[index]?.route;
    if (route === undefined || !hasErrno(error, "EEXIST")) throw error;
    if (isOurTable(route.table)) taken.push(route);
  }
  const tables = [...new Set(taken.map(({ table }) => table))];
  const existing = tables.flatMap((table) => netlink.routes({ table }));
  const foreign = new Set(existing.filter(({ protocol }) => protocol !== ROUTE_PROTOCOL).map(placeInTable));
  const refused = taken.find((route) => foreign.has(placeInTable(route)));
  if (refused !== undefined) {
    const { table, destination } = refused;
    throw new AwgError("conflict", `another program's route to ${destination} is in table ${table}`, {
      facts: { table, destination },
      remedy: "delete it, or set another `table` for the tunnel",
    });
  }
  writeRoutes(
    netlink,
    taken.map((route) => ({ verb: "replace", route })),
  );
}

/** The key by which the kernel allows one route, except for the metric it sets itself for IPv6. */
function placeInTable({ family, table, destination, priority }: KernelRoute): string {
  const metric = family === 6 && priority === 0 ? IPV6_DEFAULT_METRIC : priority;
  return `${family} ${table} ${destination} ${metric}`;
}

function isOurTable(table: number): boolean {
  return table >= TABLE_BASE && table <= TABLE_BASE + TABLE_NUMBERS;
}

function kernelRouteOf(route: Route, indexes: ReadonlyMap<string, number>): KernelRoute {
  const { family, table, destination, type, device, gateway, metric, source, protocol } = route;
  const oif = device === undefined ? undefined : indexes.get(device);
  if (device !== undefined && oif === undefined) {
    throw new AwgError("host", `there is no device ${device} for the route ${destination}`, { facts: { device } });
  }
  if (type === "other") throw new AwgError("bug", `a route of unknown type was to be written: ${destination}`);
  return {
    family,
    table,
    destination,
    type,
    protocol,
    priority: metric,
    // With scope link, the gateways of other programs' routes would be looked up by our rules and found in the tunnel
    // (fib_check_nh of net/ipv4/fib_semantics.c takes the first route of that scope).
    scope: type === "local" ? SCOPE_HOST : 0,
    ...(source === undefined ? {} : { preferredSource: source }),
    ...(oif === undefined ? {} : { oif }),
    ...(gateway === undefined ? {} : { gateway }),
  };
}

function tolerate(write: () => void, ...errnos: readonly string[]): void {
  try {
    write();
  } catch (error) {
    if (!hasErrno(error, ...errnos)) throw error;
  }
}
