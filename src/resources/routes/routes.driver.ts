import type { Host } from "../../host/ports/host.ts";
import type { Route, RouteChanges, RuleEntry } from "../../host/ports/routes.ts";
import { ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import { renderPolicyRule, sortPolicyRules } from "../../model/resources/policy-rule.ts";
import type { PolicyRule, RoutesObserved, RoutesSpec } from "../../model/resources/routes.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { ResourceDriver } from "../driver.ts";
import { blockingDeletions, differenceOfRoutes } from "./route-changes.ts";
import { applyPins, isTunnelDevice, standingPins } from "./route-pins.ts";
import { isForeignRule, isOwnRule, isPathTable, MAIN_TABLE, observeTable, routesOfSpec } from "./route-table.ts";
import { diffRoutes, guardsAlone, routesAsSpec, routesDependencies } from "./routes.ts";

type RoutesKey = ResourceKey<"routes">;

/** Rules that no spec wants belong to this key. */
const POLICY_KEY: RoutesKey = "routes/policy";

/** Drives routing tables, `routes/<tunnel>`, and policy rules, `routes/policy`. */
export const routesDriver: ResourceDriver<"routes"> = {
  kind: "routes",
  observe: observeRoutes,
  diff: diffRoutes,
  asSpec: routesAsSpec,
  // The tables and preference range are ours; what other programs add is listed apart and never changed.
  isOwned: () => true,
  dependsOn: routesDependencies,
  withoutNeeds: guardsAlone,
  enforcement: () => "enforced",
  apply: applyRoutes,
};

async function observeRoutes(
  host: Host,
  wanted: ReadonlyMap<RoutesKey, RoutesSpec>,
): Promise<ReadonlyMap<RoutesKey, RoutesObserved>> {
  // All tables in one dump: a query per table costs a full dump each.
  const byTable = groupByTable(await host.routes.readRoutes());
  const observed = new Map<RoutesKey, RoutesObserved>();
  for (const [key, { table, device }] of wanted) {
    const routes = table === undefined ? undefined : byTable.get(table);
    if (table !== undefined && table !== MAIN_TABLE) byTable.delete(table);
    observed.set(
      key,
      table === undefined || routes === undefined ? emptyTable(table) : observeTable(table, routes, device),
    );
  }
  for (const [table, routes] of byTable) {
    if (isPathTable(table) && routes.some(({ protocol }) => protocol === ROUTE_PROTOCOL)) {
      observed.set(`routes/table-${table}`, observeTable(table, routes, undefined));
    }
  }
  placeSharedRoutes(byTable.get(MAIN_TABLE) ?? [], wanted, observed);
  placeRules(await host.routes.readRules(), wanted, observed);
  return observed;
}

/** macOS has one table: routes into tunnels that are no longer wanted, and routes past the tunnels. */
function placeSharedRoutes(
  routes: readonly Route[],
  wanted: ReadonlyMap<RoutesKey, RoutesSpec>,
  observed: Map<RoutesKey, RoutesObserved>,
): void {
  const ours = routes.filter(({ protocol }) => protocol === ROUTE_PROTOCOL);
  const asked = new Set([...observed.values()].map(({ device }) => device));
  for (const device of new Set(ours.flatMap(({ device: one }) => one ?? []))) {
    if (!isTunnelDevice(device) || asked.has(device)) continue;
    const key: RoutesKey = `routes/${tunnelOfDevice(device)}`;
    if (!observed.has(key)) observed.set(key, observeTable(MAIN_TABLE, ours, device));
  }
  const pins = standingPins(routes, wanted.get(POLICY_KEY)?.pins ?? []);
  if (pins.length > 0) observed.set(POLICY_KEY, { ...(observed.get(POLICY_KEY) ?? emptyTable(undefined)), pins });
}

/** Assigns each rule found to the spec that wants it, and the others to the policy. */
function placeRules(
  entries: readonly RuleEntry[],
  wanted: ReadonlyMap<RoutesKey, RoutesSpec>,
  observed: Map<RoutesKey, RoutesObserved>,
): void {
  const owners = new Map<string, RoutesKey>();
  for (const [key, { rules }] of wanted) for (const rule of rules) owners.set(renderPolicyRule(rule), key);
  const found = new Map<RoutesKey, PolicyRule[]>();
  for (const { rule } of entries.filter(isOwnRule)) {
    const key = owners.get(renderPolicyRule(rule)) ?? POLICY_KEY;
    const rules = found.get(key) ?? [];
    rules.push(rule);
    found.set(key, rules);
  }
  for (const [key, rules] of found) {
    observed.set(key, { ...(observed.get(key) ?? emptyTable(undefined)), rules: sortPolicyRules(rules) });
  }
  const foreign = entries.filter(isForeignRule).map(renderForeign);
  const policy = observed.get(POLICY_KEY);
  if (policy !== undefined && foreign.length > 0) {
    observed.set(POLICY_KEY, { ...policy, foreign: [...policy.foreign, ...foreign] });
  }
}

/**
 * Makes the tables and rules of each step exactly as its spec. The tables are read first, so only differences are
 * written, even after an interrupted run.
 */
async function applyRoutes(host: Host, steps: readonly StepOf<"routes">[]): Promise<void> {
  for (const { action, before, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    const tables = [before?.table, after?.table].filter((table) => table !== undefined);
    const found = tables.length === 0 ? [] : await host.routes.readRoutes([...new Set(tables)]);
    const { guards, unicast } = after === null ? { guards: [], unicast: [] } : routesOfSpec(after);
    const devices = [before?.device, after?.device].filter((device) => device !== undefined);
    const own = found.filter(
      ({ protocol, table, device }) =>
        protocol === ROUTE_PROTOCOL && (table !== MAIN_TABLE || (device !== undefined && devices.includes(device))),
    );
    const difference = differenceOfRoutes([...guards, ...unicast], own);
    const standby = (after?.standby ?? []).flatMap(({ rules }) => rules);
    const rules = await differenceOfRules(host, before?.rules ?? [], after?.rules ?? [], standby);
    await applyPins(host, before, after);
    await change(host, { addRoutes: [], deleteRoutes: blockingDeletions(difference), addRules: [], deleteRules: [] });
    await change(host, { ...difference, ...rules });
  }
}

type RuleDifference = Pick<RouteChanges, "addRules" | "deleteRules">;

/** Rules to add and delete. Rules of ours that neither spec names, and standby rules, stay as they are. */
async function differenceOfRules(
  host: Host,
  before: readonly PolicyRule[],
  after: readonly PolicyRule[],
  standby: readonly PolicyRule[],
): Promise<RuleDifference> {
  if (before.length === 0 && after.length === 0) return { addRules: [], deleteRules: [] };
  const found = new Set((await host.routes.readRules()).filter(isOwnRule).map(({ rule }) => renderPolicyRule(rule)));
  const kept = new Set([...after, ...standby].map(renderPolicyRule));
  return {
    addRules: after.filter((rule) => !found.has(renderPolicyRule(rule))),
    deleteRules: before.filter((rule) => {
      const text = renderPolicyRule(rule);
      return !kept.has(text) && found.has(text);
    }),
  };
}

async function change(host: Host, changes: RouteChanges): Promise<void> {
  const count = Object.values(changes).reduce((sum: number, list: readonly unknown[]) => sum + list.length, 0);
  if (count > 0) await host.routes.change(changes);
}

function groupByTable(routes: readonly Route[]): Map<number, Route[]> {
  const groups = new Map<number, Route[]>();
  for (const route of routes) {
    const group = groups.get(route.table);
    if (group === undefined) groups.set(route.table, [route]);
    else group.push(route);
  }
  return groups;
}

function emptyTable(table: number | undefined): RoutesObserved {
  return { ...(table === undefined ? {} : { table }), destinations: [], guards: [], rules: [], foreign: [] };
}

function renderForeign({ rule, protocol, foreign }: RuleEntry): string {
  return `${renderPolicyRule(rule)}${foreign === undefined ? "" : ` ${foreign}`} proto ${protocol}`;
}
