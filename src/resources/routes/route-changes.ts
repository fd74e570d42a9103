import type { Route, RouteChanges } from "../../host/ports/routes.ts";
import { isSamePlace, isSameRoute } from "./route-table.ts";

type RouteDifference = Pick<RouteChanges, "addRoutes" | "deleteRoutes">;

/**
 * The routes to add and delete so that the table holds exactly `wanted`, given our own routes only. Guards are the
 * first additions and the last deletions.
 */
export function differenceOfRoutes(wanted: readonly Route[], current: readonly Route[]): RouteDifference {
  const found = new Map(current.map((route) => [routePlace(route), route]));
  const needed = new Map(wanted.map((route) => [routePlace(route), route]));
  const addRoutes = wanted.filter((route) => !isMatched(route, found));
  const deleteRoutes = current.filter((route) => !isMatched(route, needed));
  return { addRoutes: guardsFirst(addRoutes), deleteRoutes: guardsFirst(deleteRoutes).toReversed() };
}

/**
 * The deletions that must precede the additions: an addition to a used place fails with "exists already". The guard
 * catches what has no route meanwhile.
 */
export function blockingDeletions({ addRoutes, deleteRoutes }: RouteDifference): Route[] {
  const places = new Map(addRoutes.map((route) => [routePlace(route), route]));
  return deleteRoutes.filter((route) => {
    const added = places.get(routePlace(route));
    return added !== undefined && isSamePlace(added, route);
  });
}

function isMatched(route: Route, others: ReadonlyMap<string, Route>): boolean {
  const other = others.get(routePlace(route));
  return other !== undefined && isSameRoute(route, other);
}

function routePlace({ table, destination, metric }: Route): string {
  return `${table} ${destination} ${metric}`;
}

function guardsFirst(routes: readonly Route[]): Route[] {
  const isGuard = ({ type }: Route): boolean => type !== "unicast" && type !== "local";
  return [...routes.filter(isGuard), ...routes.filter((route) => !isGuard(route))];
}
