import type { Spec } from "../../../model/resource.ts";
import type { RoutesSpec } from "../../../model/resources/routes.ts";
import type { Change } from "../change.ts";

/** The one route table of macOS; on Linux each tunnel has a table of its own. */
const SHARED_TABLE = 254;

/** Destinations that creations and updates need in the shared table of macOS. Pure. */
export function wantedDestinations(changes: readonly Change[]): ReadonlySet<string> {
  return new Set(changes.flatMap(({ kind, action, after }) => (action === "delete" ? [] : heldBy(kind, after))));
}

/**
 * Whether a deletion releases a destination that another change uses. The shared table holds one route per destination,
 * so both must be journalled and undone together.
 */
export function givesUp({ kind, action, before }: Change, wanted: ReadonlySet<string>): boolean {
  return action === "delete" && heldBy(kind, before).some((destination) => wanted.has(destination));
}

function heldBy(kind: Change["kind"], spec: Spec | null): readonly string[] {
  if (kind !== "routes" || spec === null) return [];
  const { table, destinations, pins = [] } = spec as RoutesSpec;
  return [...(table === SHARED_TABLE ? destinations : []), ...pins.map(({ destination }) => destination)];
}
