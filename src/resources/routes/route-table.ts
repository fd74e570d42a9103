import type { Route, RuleEntry } from "../../host/ports/routes.ts";
import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { Family } from "../../model/ip.ts";
import {
  GUARD_METRIC,
  isTunnelNumber,
  PATH_NUMBERS,
  ROUTE_PROTOCOL,
  RULE_PREFERENCES,
  TABLE_BASE,
  tableOfPath,
} from "../../model/ownership.ts";
import { comparePrefix, type Prefix, parsePrefix } from "../../model/prefix.ts";
import type { PolicyRule, RoutesObserved, RoutesSpec } from "../../model/resources/routes.ts";

/** Default prefix of each family. */
export const DEFAULT_DESTINATION: Readonly<Record<Family, string>> = { 4: "0.0.0.0/0", 6: "::/0" };

const LOOPBACK_ADDRESSES: Readonly<Record<Family, string>> = { 4: "127.0.0.1", 6: "::1" };

/** No metric of its own: the kernel's default, which the port reports as 0 in both families. */
const UNICAST_METRIC = 0;

/** Linux's main table, and the only table of macOS. */
export const MAIN_TABLE = 254;

/** Whether a table can belong to a path or to the engines. */
export function isPathTable(table: number): boolean {
  return isTunnelNumber(table - TABLE_BASE) || table === tableOfPath(PATH_NUMBERS.engine);
}

/** Family of a canonical prefix in text. */
export function familyOfPrefix(prefix: string): Family {
  return prefix.includes(":") ? 6 : 4;
}

/** The routes of a spec, the guards first: they are added first and removed last. */
export function routesOfSpec(spec: RoutesSpec): { readonly guards: Route[]; readonly unicast: Route[] } {
  const { table, device } = spec;
  if (table === undefined) return { guards: [], unicast: [] };
  const guards = spec.guards.map((family) => guardRoute(table, family));
  if (device === undefined) return { guards, unicast: [] };
  return { guards, unicast: spec.destinations.map((destination) => routeTo(table, device, destination)) };
}

/**
 * The content of one table as a spec. Strays are routes of ours that no spec can hold: into a second device, with
 * another metric or gateway, or with more attributes. Foreign routes lack our protocol. `device` is the wanted one.
 */
export function observeTable(table: number, routes: readonly Route[], device: string | undefined): RoutesObserved {
  // The one table of macOS is shared: a resource owns only the routes into its device.
  const isShared = table === MAIN_TABLE;
  const ours = routes.filter(
    (route) =>
      route.protocol === ROUTE_PROTOCOL && (!isShared || (route.device !== undefined && route.device === device)),
  );
  const plain = ours.filter((route) => isPlainUnicast(route) || isDelivery(route));
  const isThere = plain.some((route) => route.device === device);
  const found = isThere ? device : plain[0]?.device;
  const destinations = plain.filter((route) => route.device === found).map(({ destination }) => destination);
  const guards = ([4, 6] as const).filter((family) =>
    ours.some((route) => isSameRoute(route, guardRoute(table, family))),
  );
  const isKept = (route: Route): boolean =>
    route.type === "unicast" || isDelivery(route)
      ? (isPlainUnicast(route) || isDelivery(route)) && route.device === found
      : isSameRoute(route, guardRoute(table, route.family));
  const foreign = isShared ? [] : routes.filter(({ protocol }) => protocol !== ROUTE_PROTOCOL);
  const strays = ours.filter((route) => !isKept(route)).map(renderRoute);
  return {
    table,
    ...(found === undefined ? {} : { device: found }),
    destinations: sortPrefixes(destinations),
    guards,
    rules: [],
    foreign: foreign.map(renderRoute),
    ...(strays.length === 0 ? {} : { strays }),
  };
}

/** Whether a policy rule is in our range and carries our protocol. */
export function isOwnRule({ protocol, rule }: RuleEntry): boolean {
  return protocol === ROUTE_PROTOCOL && isInOurRange(rule);
}

/** Whether a policy rule is in our range but belongs to another program. */
export function isForeignRule({ protocol, rule }: RuleEntry): boolean {
  return protocol !== ROUTE_PROTOCOL && isInOurRange(rule);
}

/** Whether both are the same route: equal in every field of the kernel's key and in ours. */
export function isSameRoute(a: Route, b: Route): boolean {
  return (
    isSamePlace(a, b) &&
    a.type === b.type &&
    a.gateway === b.gateway &&
    (a.type !== "unicast" || a.device === b.device) &&
    a.source === b.source &&
    a.protocol === b.protocol &&
    a.foreign === b.foreign
  );
}

/** Whether both have the same place: the kernel accepts one route per table, destination and metric. */
export function isSamePlace(a: Route, b: Route): boolean {
  return a.table === b.table && a.metric === b.metric && a.destination === b.destination;
}

/** A route as `ip route` would print it. */
export function renderRoute(route: Route): string {
  const { type, destination, gateway, device, table, metric, protocol, source, foreign } = route;
  return [
    ...(type === "unicast" ? [] : [type]),
    destination,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(device === undefined ? [] : [`dev ${device}`]),
    ...(source === undefined ? [] : [`src ${source}`]),
    `table ${table} proto ${protocol} metric ${metric}`,
    ...(foreign === undefined ? [] : [foreign]),
  ].join(" ");
}

/** Canonical prefixes in order; a sorted list, as ports return it, is only checked. */
function sortPrefixes(texts: readonly string[]): string[] {
  const parsed = texts.map((text) => ({ text, prefix: parsePrefix(text) as Prefix }));
  parsed.sort((a, b) => comparePrefix(a.prefix, b.prefix));
  return parsed.map(({ text }) => text);
}

function isPlainUnicast(route: Route): boolean {
  return (
    route.type === "unicast" &&
    route.device !== undefined &&
    route.gateway === undefined &&
    route.metric === UNICAST_METRIC &&
    route.foreign === undefined
  );
}

/** Delivers to this host, as for a proxy's relay. */
function isDelivery(route: Route): boolean {
  const { type, table, destination, device = "" } = route;
  return type === "local" && device === LOOPBACK_DEVICE && isSameRoute(route, routeTo(table, device, destination));
}

function isInOurRange({ preference }: PolicyRule): boolean {
  return preference >= RULE_PREFERENCES.first && preference <= RULE_PREFERENCES.last;
}

function routeTo(table: number, device: string, destination: string): Route {
  const family = familyOfPrefix(destination);
  if (device === LOOPBACK_DEVICE) {
    const source = LOOPBACK_ADDRESSES[family];
    return {
      family,
      table,
      destination,
      type: "local",
      device,
      metric: UNICAST_METRIC,
      source,
      protocol: ROUTE_PROTOCOL,
    };
  }
  return { family, table, destination, type: "unicast", device, metric: UNICAST_METRIC, protocol: ROUTE_PROTOCOL };
}

function guardRoute(table: number, family: Family): Route {
  const destination = DEFAULT_DESTINATION[family];
  return { family, table, destination, type: "unreachable", metric: GUARD_METRIC, protocol: ROUTE_PROTOCOL };
}
