import { hasErrno } from "../errno.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { NETLINK_PROTOCOL, type NetlinkSocket, openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import { decodeRoute, encodeRouteDump, type Route, type RouteFilter } from "./route.codec.ts";
import { ROUTE_GROUP, RTM } from "./rtnetlink-constants.ts";

/** After this many disturbed attempts their union is used. */
const ATTEMPTS = 5;

/** The routes of one family that match the filter; empty for a missing table or device. */
export function readRoutesOf(socket: NetlinkSocket, family: 4 | 6, filter: RouteFilter): Route[] {
  return family === 4 ? dumpRoutes(socket, family, filter) : readUndisturbed(socket, filter);
}

/**
 * The kernel (6.18 and before) resumes a long IPv6 dump by counting entries. A change between two datagrams can
 * therefore lose or repeat entries without NLM_F_DUMP_INTR; observed with 3,000 routes beside a program that adds and
 * deletes others. So an attempt is valid only without events of these routes. Beside a program that never pauses, the
 * union of several attempts is used, minus what was deleted since.
 */
function readUndisturbed(socket: NetlinkSocket, filter: RouteFilter): Route[] {
  using listener = openNetlinkSocket(NETLINK_PROTOCOL.route);
  listener.subscribe([ROUTE_GROUP.route6]);
  const seen = new Map<string, Route>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const routes = dumpRoutes(socket, 6, filter);
    const { messages, overrun } = listener.drain();
    const events = messages.filter((message) => passesFilter(decodeRoute(message), filter));
    if (!overrun && events.length === 0) return routes;
    for (const route of routes) seen.set(keyOf(route), route);
    for (const event of events) followEvent(seen, event);
  }
  return [...seen.values()];
}

function passesFilter(route: Route | undefined, { table, protocol, oif }: RouteFilter): route is Route {
  if (route === undefined || (table !== undefined && route.table !== table)) return false;
  return (protocol === undefined || route.protocol === protocol) && (oif === undefined || route.oif === oif);
}

function followEvent(seen: Map<string, Route>, event: NetlinkMessage): void {
  const route = decodeRoute(event);
  if (route === undefined) return;
  if (event.type === RTM.deleteRoute) seen.delete(keyOf(route));
  else seen.set(keyOf(route), route);
}

/** The key of a route's entry, without flags, which change with the link's state. */
function keyOf({ destination, source, table, priority, type, oif, gateway }: Route): string {
  return [destination, source, table, priority, type, oif, gateway].join(" ");
}

function dumpRoutes(socket: NetlinkSocket, family: 4 | 6, filter: RouteFilter): Route[] {
  const routes: Route[] = [];
  try {
    for (const message of socket.dump(encodeRouteDump(family, filter), `reading the IPv${family} routes`)) {
      const route = decodeRoute(message);
      if (route?.family === family) routes.push(route);
    }
  } catch (error) {
    // The filter's device may have been removed since it was listed; then no route uses it.
    if (hasErrno(error, "ENOENT") || (filter.oif !== undefined && hasErrno(error, "ENODEV"))) return [];
    throw error;
  }
  return routes;
}
