import { AwgError } from "../../../model/error.ts";
import { ROUTE_PROTOCOL, RULE_PREFERENCES } from "../../../model/ownership.ts";
import { canonicalPrefix, renderPrefix } from "../../../model/prefix.ts";
import type { PolicyRule } from "../../../model/resources/routes.ts";
import type { Route, RoutePort, RuleEntry } from "../../ports/routes.ts";
import type { SimulatedMachine } from "../machine.ts";
import { prefixOf } from "../memo.ts";
import { connectedRoutes, localRoutes } from "../routing.ts";

/** Routing tables and rules of the simulated host; each route and each rule is a separate write. */
export function simulatedRoutes(machine: SimulatedMachine): RoutePort {
  return {
    async readRoutes(tables) {
      machine.checkAlive("routes.readRoutes");
      const derived = [...localRoutes(machine.live.links), ...connectedRoutes(machine.live.links)].filter(
        (route) => tables === undefined || tables.includes(route.table),
      );
      return [...derived, ...machine.routes.all(tables)];
    },
    async readRules() {
      machine.checkAlive("routes.readRules");
      return [...machine.live.rules];
    },
    async change(changes) {
      machine.checkAlive("routes.change");
      const leaving = new Set(changes.deleteRoutes.map(routeText));
      for (const route of changes.addRoutes) addRoute(machine, route, leaving);
      for (const rule of changes.addRules) addRule(machine, rule);
      for (const rule of changes.deleteRules) deleteRule(machine, rule);
      for (const route of changes.deleteRoutes) deleteRoute(machine, route);
    },
  };
}

/**
 * NLM_F_CREATE, with NLM_F_REPLACE only where the existing route is ours and deleted in the same set. On a Mac any
 * route of ours is changed in place (RTM_CHANGE).
 */
function addRoute(machine: SimulatedMachine, route: Route, leaving: ReadonlySet<string>): void {
  checkRoute(machine, route);
  const present = machine.routes.find(route);
  if (present !== undefined) {
    if (routeText(present) === routeText(route)) return;
    const isChanged = machine.live.os === "darwin" || leaving.has(routeText(present));
    if (present.protocol !== route.protocol || !isChanged) {
      throw new AwgError("conflict", `another route to ${route.destination} exists in table ${route.table}`, {
        facts: { table: route.table, destination: route.destination, protocol: present.protocol },
      });
    }
  }
  machine.perform("route.add", () => machine.routes.set({ ...route }), `${route.destination} in table ${route.table}`);
}

function checkRoute(machine: SimulatedMachine, route: Route): void {
  const where = `route ${route.destination} in table ${route.table}`;
  if (renderPrefix(canonicalPrefix(prefixOf(route.destination))) !== route.destination) {
    throw new AwgError("host", `${where} is not a canonical prefix (EINVAL)`);
  }
  if (route.type !== "unicast" && route.type !== "local") {
    if (route.device !== undefined)
      throw new AwgError("host", `${where} is ${route.type}, yet names a device (EINVAL)`);
    return;
  }
  const link = route.device === undefined ? undefined : machine.link(route.device);
  if (link === undefined)
    throw new AwgError("host", `${where} goes to ${route.device ?? "nothing"}, which is not a device (ENODEV)`);
  if (!link.up) throw new AwgError("host", `${where} goes to ${link.device}, which is down (ENETDOWN)`);
}

function deleteRoute(machine: SimulatedMachine, route: Route): void {
  const present = machine.routes.find(route);
  if (present === undefined || routeText(present) !== routeText(route)) return;
  machine.perform("route.delete", () => machine.routes.delete(present), `${route.destination} in table ${route.table}`);
}

function addRule(machine: SimulatedMachine, rule: PolicyRule): void {
  if (rule.preference < RULE_PREFERENCES.first || rule.preference > RULE_PREFERENCES.last) {
    throw new AwgError("host", `rule ${rule.preference} is outside of our range of preferences`);
  }
  if (findRule(machine, rule) !== undefined) return;
  machine.perform(
    "rule.add",
    () => {
      machine.live.rules.push({ rule: structuredClone(rule), protocol: ROUTE_PROTOCOL });
      machine.live.rules.sort((a, b) => a.rule.preference - b.rule.preference);
    },
    String(rule.preference),
  );
}

function deleteRule(machine: SimulatedMachine, rule: PolicyRule): void {
  const present = findRule(machine, rule);
  if (present === undefined) return;
  machine.perform(
    "rule.delete",
    () => {
      machine.live.rules = machine.live.rules.filter((entry) => entry !== present);
    },
    String(rule.preference),
  );
}

function findRule(machine: SimulatedMachine, rule: PolicyRule): RuleEntry | undefined {
  const text = ruleText(rule);
  return machine.live.rules.find((entry) => entry.protocol === ROUTE_PROTOCOL && ruleText(entry.rule) === text);
}

function routeText(route: Route): string {
  const { family, table, destination, type, device, gateway, metric, protocol, foreign } = route;
  return [family, table, destination, type, device, gateway, metric, protocol, foreign].join(" ");
}

const ruleTexts = new WeakMap<PolicyRule, string>();

function ruleText(rule: PolicyRule): string {
  const known = ruleTexts.get(rule);
  if (known !== undefined) return known;
  const { family, preference, match, table, suppressPrefixLength } = rule;
  const { mark, source, destination, uids, protocol, ports, sourcePorts, local } = match;
  const ranges = [uids, ports, sourcePorts].flatMap((range) => [range?.from, range?.to]);
  const places = [family, preference, table, source, destination, protocol, local];
  const text = [...places, mark?.value, mark?.mask, ...ranges, suppressPrefixLength].join(" ");
  ruleTexts.set(rule, text);
  return text;
}
