import { AwgError } from "../../../model/error.ts";
import { ROUTE_PROTOCOL } from "../../../model/ownership.ts";
import { ROUTE } from "../../../native/darwin/constants.ts";
import { darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { Route, RouteChanges, RoutePort } from "../../ports/routes.ts";
import { readInterfaces } from "../links/interfaces.ts";
import { deviceOfInterface, type UtunHolder } from "../links/utun-holder.ts";
import { type InterfaceNames, isSameRoute, ONLY_TABLE, requestOfRoute, routeOfMessage } from "./route-mapping.ts";
import { dumpRoutes, openRouteSocket, type RouteSocket } from "./route-socket.ts";

const [ESRCH, EEXIST] = [3, 17];

/** The dependencies of a Mac's routes. */
export interface DarwinRoutesDeps {
  readonly system: LibSystem;
  readonly holder: UtunHolder;
}

/**
 * The routes of a Mac, by the routing socket and the kernel's dump. There is one table and no policy rules: only the
 * destination decides. Our routes have RTF_PROTO3; other routes are never changed or deleted.
 */
export function darwinRoutes(deps: DarwinRoutesDeps): RoutePort {
  return {
    readRoutes: async (tables) => {
      if (tables !== undefined && !tables.includes(ONLY_TABLE)) return [];
      return existingRoutes(deps.system, await interfaceNames(deps));
    },
    readRules: async () => [],
    change: async (changes) => applyChanges(deps, changes),
  };
}

async function interfaceNames({ system, holder }: DarwinRoutesDeps): Promise<InterfaceNames> {
  const held = await holder.held();
  const named = readInterfaces(system).map(({ index, name }) => [index, deviceOfInterface(held, name)] as const);
  return { nameOf: new Map(named), indexOf: new Map(named.map(([index, name]) => [name, index])) };
}

function existingRoutes(system: LibSystem, names: InterfaceNames): Route[] {
  return dumpRoutes(system).flatMap((message) => routeOfMessage(message, names) ?? []);
}

async function applyChanges(deps: DarwinRoutesDeps, changes: RouteChanges): Promise<void> {
  if (changes.addRules.length > 0) {
    throw new AwgError("unsupported", "macOS has no policy rules: it routes by the destination alone");
  }
  const { system } = deps;
  const names = await interfaceNames(deps);
  using socket = openRouteSocket(system);
  const taken = changes.addRoutes.filter((route) => !add(socket, route, names));
  if (taken.length > 0) replaceOurs(socket, taken, existingRoutes(system, names), names);
  deleteOurs(system, socket, changes.deleteRoutes, names);
}

/** Adds a route; false when one to that destination exists. */
function add(socket: RouteSocket, route: Route, names: InterfaceNames): boolean {
  const { value, errno } = socket.write(requestOfRoute(ROUTE.RTM_ADD, route, names));
  if (value === -1 && errno !== EEXIST) throw darwinError(`adding the route ${route.destination}`, errno);
  return value !== -1;
}

/**
 * Replaces a route of ours in the same place: a next hop is changed atomically; another kind is deleted first, since a
 * route's flags cannot be changed.
 */
function replaceOurs(
  socket: RouteSocket,
  wanted: readonly Route[],
  existing: readonly Route[],
  names: InterfaceNames,
): void {
  const places = new Map(existing.map((route) => [route.destination, route]));
  const foreign = wanted.find((route) => places.get(route.destination)?.protocol !== ROUTE_PROTOCOL);
  if (foreign !== undefined) {
    throw new AwgError("conflict", `another program's route to ${foreign.destination} exists`, {
      facts: { destination: foreign.destination },
      remedy: "delete it, or remove that destination from the config",
    });
  }
  for (const route of wanted) {
    const old = places.get(route.destination);
    if (old === undefined || isSameRoute(old, route)) continue;
    const isSameKind = old.type === route.type && (old.gateway === undefined) === (route.gateway === undefined);
    if (isSameKind) {
      const { value, errno } = socket.write(requestOfRoute(ROUTE.RTM_CHANGE, route, names));
      if (value === -1) throw darwinError(`changing the route ${route.destination}`, errno);
      continue;
    }
    remove(socket, old, names);
    add(socket, route, names);
  }
}

/**
 * The kernel deletes any route to a destination, whatever its owner and next hop. So each is read first, and only
 * exactly this route of ours is deleted.
 */
function deleteOurs(system: LibSystem, socket: RouteSocket, unwanted: readonly Route[], names: InterfaceNames): void {
  if (unwanted.length === 0) return;
  const existing = new Map(existingRoutes(system, names).map((route) => [route.destination, route]));
  for (const route of unwanted) {
    const found = existing.get(route.destination);
    if (found?.protocol === ROUTE_PROTOCOL && isSameRoute(found, route)) remove(socket, found, names);
  }
}

function remove(socket: RouteSocket, route: Route, names: InterfaceNames): void {
  const { value, errno } = socket.write(requestOfRoute(ROUTE.RTM_DELETE, route, names));
  if (value === -1 && errno !== ESRCH) throw darwinError(`deleting the route ${route.destination}`, errno);
}
