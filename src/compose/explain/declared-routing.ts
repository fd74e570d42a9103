import { GUARD_METRIC, RULE_PREFERENCES } from "../../model/ownership.ts";
import type { DesiredState } from "../../model/resource.ts";
import type { RoutesSpec } from "../../model/spec/routes.ts";
import type { KnownRoute, KnownRouting } from "../../model/verify/routing.ts";

/** Rules and routes as the machine would have them were ours as declared: ours from the state, all others as observed. */
export function declaredRouting({ resources }: DesiredState, observed: KnownRouting): KnownRouting {
  const specs = resources.flatMap((resource) => (resource.kind === "routes" ? [resource.spec] : []));
  const tables = new Set(specs.map(({ table }) => table));
  const isOurs = (preference: number) => preference >= RULE_PREFERENCES.first && preference <= RULE_PREFERENCES.last;
  return {
    rules: [
      ...specs.flatMap(({ rules }) => rules.map((rule) => ({ rule }))),
      ...observed.rules.filter(({ rule }) => !isOurs(rule.preference)),
    ],
    routes: [...specs.flatMap(routesOf), ...observed.routes.filter(({ table }) => !tables.has(table))],
  };
}

function routesOf({ table, device, destinations, guards }: RoutesSpec): KnownRoute[] {
  if (table === undefined) return [];
  const into = destinations.map(
    (destination): KnownRoute => ({
      family: destination.includes(":") ? 6 : 4,
      table,
      destination,
      type: "unicast",
      ...(device === undefined ? {} : { device }),
      metric: 0,
    }),
  );
  const ends = guards.map(
    (family): KnownRoute => ({
      family,
      table,
      destination: family === 4 ? "0.0.0.0/0" : "::/0",
      type: "unreachable",
      metric: GUARD_METRIC,
    }),
  );
  return [...into, ...ends];
}
