import type { Host } from "../../host/ports/host.ts";
import type { Route } from "../../host/ports/routes.ts";
import { ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { PinnedRoute, RoutesSpec } from "../../model/spec/routes.ts";
import { tunnelOfDevice } from "../../model/spec/tunnel-key.ts";
import { differenceOfRoutes } from "./route-changes.ts";
import { familyOfPrefix, MAIN_TABLE } from "./route-table.ts";

/** Whether a route of the one table is ours and leads past the tunnels: by a physical device, or nowhere. */
export function isPin({ protocol, table, device }: Route): boolean {
  return protocol === ROUTE_PROTOCOL && table === MAIN_TABLE && (device === undefined || !isTunnelDevice(device));
}

/** Whether a device bears the name of a tunnel's. */
export function isTunnelDevice(device: string): boolean {
  return tunnelOfDevice(device) !== device;
}

/** The pins among routes. */
export function pinsOfRoutes(routes: readonly Route[]): PinnedRoute[] {
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
 * Makes the pins exactly those of `after`, in one set: the port changes a pin whose gateway moved without a gap, in
 * which the endpoint would be looked up in the tunnel.
 */
export async function applyPins(host: Host, before: RoutesSpec | null, after: RoutesSpec | null): Promise<void> {
  if (before?.pins === undefined && after?.pins === undefined) return;
  const standing = (await host.routes.readRoutes([MAIN_TABLE])).filter(isPin);
  const difference = differenceOfRoutes((after?.pins ?? []).map(routeOfPin), standing);
  if (difference.addRoutes.length + difference.deleteRoutes.length === 0) return;
  await host.routes.change({ ...difference, addRules: [], deleteRules: [] });
}

/** The route that a pin is. */
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
