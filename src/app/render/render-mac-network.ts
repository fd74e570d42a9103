import { renderLinkCalls } from "../../host/darwin/links/link-text.ts";
import { renderRouteMessages } from "../../host/darwin/routes/route-text.ts";
import type { Resource } from "../../model/resource.ts";
import type { RoutesSpec } from "../../model/resources/routes.ts";
import { routeOfPin } from "../../resources/routes/route-pins.ts";
import { MAIN_TABLE, routesOfSpec } from "../../resources/routes/route-table.ts";

/**
 * A link or the routes of a tunnel as the calls and messages that would make them on a Mac; undefined for another kind,
 * and for routes that were expanded for a host with tables.
 *
 * @param devices the interface of each tunnel's device: "awg-office" → "utun100"
 */
export function renderMacNetwork(resource: Resource, devices: ReadonlyMap<string, string>): string | undefined {
  if (resource.kind === "link") {
    const name = devices.get(resource.spec.device);
    return name === undefined ? undefined : renderLinkCalls(resource.spec, name);
  }
  if (resource.kind !== "routes" || !isFlat(resource.spec)) return undefined;
  const { unicast } = routesOfSpec(resource.spec);
  const routes = [...(resource.spec.pins ?? []).map(routeOfPin), ...unicast];
  const physical = routes.flatMap(({ device }) => (device === undefined || devices.has(device) ? [] : [device]));
  const names = [...devices, ...[...new Set(physical)].map((device) => [device, device] as const)];
  // The host assigns indexes; a tunnel's index is the number in its name here.
  const indexed = names.map(
    ([device, name], place) => [device, Number(/^utun(\d+)$/.exec(name)?.[1] ?? place + 1), name] as const,
  );
  return renderRouteMessages(routes, {
    indexOf: new Map(indexed.map(([device, index]) => [device, index])),
    nameOf: new Map(indexed.map(([, index, name]) => [index, name])),
  });
}

function isFlat({ table, rules, guards }: RoutesSpec): boolean {
  return rules.length === 0 && guards.length === 0 && (table === undefined || table === MAIN_TABLE);
}
