import { switchName } from "../../model/firewall/fallback.ts";
import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { PathSwitch } from "../../model/firewall/policy.ts";
import { GUARD_METRIC, ROUTE_PROTOCOL, RULE_PREFERENCES } from "../../model/ownership.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { sortPolicyRules } from "../../model/resources/policy-rule.ts";
import type { PinnedRoute, RoutesSpec } from "../../model/resources/routes.ts";
import { MAIN_TABLE } from "../../resources/routes/route-table.ts";
import { type KnownRoute, type KnownRouting, LOCAL_TABLE } from "../../verify/routing/routing.ts";

/**
 * Rules and routes that the host should have: ours from the state, with the standby rules of the switches in force, all
 * others as observed.
 */
export function declaredRouting(
  { resources }: DesiredState,
  observed: KnownRouting,
  switches: readonly PathSwitch[],
): KnownRouting {
  const inForce = new Set(switches.map(switchName));
  const specs = resources.flatMap((resource) => (resource.kind === "routes" ? [resource.spec] : []));
  const tables = new Set(specs.map(({ table }) => table));
  const isOurs = (preference: number) => preference >= RULE_PREFERENCES.first && preference <= RULE_PREFERENCES.last;
  // On macOS ours are in the one table with all others, marked by their protocol.
  const isOther = ({ table, protocol }: KnownRoute) =>
    observed.isFlat === true ? protocol !== ROUTE_PROTOCOL : !tables.has(table);
  return {
    ...observed,
    rules: [
      ...sortPolicyRules(
        specs.flatMap(({ rules, standby = [] }) => [
          ...rules,
          ...standby.filter((one) => inForce.has(switchName(one))).flatMap((one) => one.rules),
        ]),
      ).map((rule) => ({ rule })),
      ...observed.rules.filter(({ rule }) => !isOurs(rule.preference)),
    ],
    routes: [...specs.flatMap(routesOf), ...observed.routes.filter(isOther)],
  };
}

/** Without policy rules of other programs that precede ours; the host's own addresses are still looked up first. */
export function withoutRulesBefore(routing: KnownRouting): KnownRouting {
  const isAsked = ({ preference, table }: KnownRouting["rules"][number]["rule"]) =>
    preference >= RULE_PREFERENCES.first || table === LOCAL_TABLE;
  return { ...routing, rules: routing.rules.filter(({ rule }) => isAsked(rule)) };
}

function routesOf({ table, device, destinations, guards, pins = [] }: RoutesSpec): KnownRoute[] {
  if (table === undefined) return pins.map(pinned);
  const into = destinations.map(
    (destination): KnownRoute => ({
      family: destination.includes(":") ? 6 : 4,
      table,
      destination,
      type: device === LOOPBACK_DEVICE ? "local" : "unicast",
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
  return [...into, ...ends, ...pins.map(pinned)];
}

function pinned({ destination, device }: PinnedRoute): KnownRoute {
  const common = { family: destination.includes(":") ? 6 : 4, table: MAIN_TABLE, destination, metric: 0 } as const;
  return device === undefined ? { ...common, type: "blackhole" } : { ...common, type: "unicast", device };
}
