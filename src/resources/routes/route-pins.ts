import type { Host } from "../../host/ports/host.ts";
import type { Route } from "../../host/ports/routes.ts";
import { ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { PinnedRoute, RoutesSpec } from "../../model/resources/routes.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import { differenceOfRoutes } from "./route-changes.ts";
import { familyOfPrefix, MAIN_TABLE } from "./route-table.ts";

/** Whether a route of the shared table is ours and bypasses the tunnels: by a physical device, or unreachable. */
function isPin({ protocol, table, device }: Route): boolean {
  return protocol === ROUTE_PROTOCOL && table === MAIN_TABLE && (device === undefined || !isTunnelDevice(device));
}

/**
 * The pins that fulfil the wanted ones: ours, and routes by which another program or the kernel already sends that
 * destination past the tunnels. No two routes can have one destination.
 */
export function standingPins(routes: readonly Route[], wanted: readonly PinnedRoute[]): PinnedRoute[] {
  const others = placesOfOthers(routes);
  return [...pinsOfRoutes(routes), ...wanted.filter(({ destination }) => others.has(destination))];
}

function placesOfOthers(routes: readonly Route[]): ReadonlySet<string> {
  const past = routes.filter(
    ({ protocol, table, device }) =>
      protocol !== ROUTE_PROTOCOL && table === MAIN_TABLE && (device === undefined || !isTunnelDevice(device)),
  );
  return new Set(past.map(({ destination }) => destination));
}

/** Whether a device has the name of a tunnel device. */
export function isTunnelDevice(device: string): boolean {
  return tunnelOfDevice(device) !== device;
}

/** The pins among routes. */
function pinsOfRoutes(routes: readonly Route[]): PinnedRoute[] {
  return routes.filter(isPin).map(({ destination, device, gateway }) => ({
    destination,
    ...(device === undefined ? {} : { device }),
    ...(gateway === undefined ? {} : { gateway }),
  }));
}

/** A pin as `ip route` would print it. */
export function renderPin({ destination, device, gateway }: PinnedRoute): string {
  if (device === undefined) return `blackhole ${destination}`;
  return `${destination}${gateway === undefined ? "" : ` via ${gateway}`} dev ${device}`;
}

/**
 * Makes the pins exactly those of `after`, in one set: the port moves a pin to a new gateway without a gap, in which
 * the endpoint would be routed into the tunnel.
 */
export async function applyPins(host: Host, before: RoutesSpec | null, after: RoutesSpec | null): Promise<void> {
  if (before?.pins === undefined && after?.pins === undefined) return;
  const routes = await host.routes.readRoutes([MAIN_TABLE]);
  const others = placesOfOthers(routes);
  const wanted = (after?.pins ?? []).filter(({ destination }) => !others.has(destination));
  const difference = differenceOfRoutes(wanted.map(routeOfPin), routes.filter(isPin));
  if (difference.addRoutes.length + difference.deleteRoutes.length === 0) return;
  await host.routes.change({ ...difference, addRules: [], deleteRules: [] });
}

/** The route of a pin. */
export function routeOfPin({ destination, device, gateway }: PinnedRoute): Route {
  return {
    family: familyOfPrefix(destination),
    table: MAIN_TABLE,
    destination,
    type: device === undefined ? "blackhole" : "unicast",
    ...(device === undefined ? {} : { device }),
    ...(gateway === undefined ? {} : { gateway }),
    metric: 0,
    protocol: ROUTE_PROTOCOL,
  };
}
