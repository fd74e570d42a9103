import { hasErrno } from "../errno.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { NETLINK_PROTOCOL, type NetlinkSocket, openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import { decodeRoute, encodeRouteDump, type Route, type RouteFilter } from "./route.codec.ts";
import { ROUTE_GROUP, RTM } from "./rtnetlink-constants.ts";

/** After so many disturbed readings in a row, what they saw together has to do. */
const ATTEMPTS = 5;

/** The routes of one family that pass the filter; a table that does not exist is empty, and so is a device. */
export function readRoutesOf(socket: NetlinkSocket, family: 4 | 6, filter: RouteFilter): Route[] {
  return family === 4 ? dumpRoutes(socket, family, filter) : readUndisturbed(socket, filter);
}

/**
 * The kernel (6.18 and before) finds its place in a long IPv6 dump again by counting entries, so one that changes
 * between two datagrams loses entries or tells them twice, without NLM_F_DUMP_INTR; seen with 3,000 routes beside a
 * program that adds and deletes others. So a reading counts only when no event of these routes came meanwhile; beside
 * a program that never pauses, all that several readings saw counts, less what was deleted since.
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

/** What makes two routes the same entry; flags come and go with the state of the link. */
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
    // The device of the filter may have gone since it was listed: no route leads by it.
    if (hasErrno(error, "ENOENT") || (filter.oif !== undefined && hasErrno(error, "ENODEV"))) return [];
    throw error;
  }
  return routes;
}
