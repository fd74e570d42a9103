import type { Spec } from "../../model/resource.ts";
import type { RoutesSpec } from "../../model/resources/routes.ts";
import type { Change } from "./change.ts";

/** The one table of a Mac; the tables of tunnels on Linux have numbers of their own. */
const SHARED_TABLE = 254;

/** Destinations that creations and updates want in the table that all of a Mac's routes share. Pure. */
export function wantedDestinations(changes: readonly Change[]): ReadonlySet<string> {
  return new Set(changes.flatMap(({ kind, action, after }) => (action === "delete" ? [] : heldBy(kind, after))));
}

/**
 * Whether a deletion gives up a destination that another change takes. In the one table only one route can stand there, so
 * that both must be journalled and undone together: an undone taker leaves the place empty.
 */
export function givesUp({ kind, action, before }: Change, wanted: ReadonlySet<string>): boolean {
  return action === "delete" && heldBy(kind, before).some((destination) => wanted.has(destination));
}

function heldBy(kind: Change["kind"], spec: Spec | null): readonly string[] {
  if (kind !== "routes" || spec === null) return [];
  const { table, destinations, pins = [] } = spec as RoutesSpec;
  return [...(table === SHARED_TABLE ? destinations : []), ...pins.map(({ destination }) => destination)];
}
