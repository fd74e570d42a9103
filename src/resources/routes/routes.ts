import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FieldChange, ResourceKey } from "../../model/resource.ts";
import { renderPolicyRule } from "../../model/resources/policy-rule.ts";
import type { PolicyRule, RoutesObserved, RoutesSpec } from "../../model/resources/routes.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import { setChange, valueChange } from "../field-change.ts";
import { renderPin } from "./route-pins.ts";
import { MAIN_TABLE } from "./route-table.ts";

/** What differs between the wanted and found table and rules; foreign ones are not ours to change. */
export function diffRoutes(desired: RoutesSpec, observed: RoutesObserved): FieldChange[] {
  return [
    ...valueChange("/table", observed.table, desired.table),
    ...diffDevice(desired, observed),
    ...setChange("/destinations", observed.destinations, desired.destinations),
    ...setChange("/guards", observed.guards.map(String), desired.guards.map(String)),
    ...setChange("/rules", rulesBeside(observed.rules, desired), desired.rules.map(renderPolicyRule)),
    ...setChange("/pins", (observed.pins ?? []).map(renderPin), (desired.pins ?? []).map(renderPin)),
    ...setChange("/strays", observed.strays ?? [], []),
  ];
}

/** The rules found without standby rules: the daemon decides whether those are in place. */
function rulesBeside(found: readonly PolicyRule[], { standby = [] }: RoutesSpec): string[] {
  const others = new Set(standby.flatMap(({ rules }) => rules.map(renderPolicyRule)));
  return found.map(renderPolicyRule).filter((text) => !others.has(text));
}

/** Table and rules as a spec; undefined when nothing of ours exists. */
export function routesAsSpec(observed: RoutesObserved): RoutesSpec | undefined {
  const { foreign: _foreign, strays = [], ...spec } = observed;
  const isEmpty = [spec.destinations, spec.guards, spec.rules, spec.pins ?? [], strays].every(
    ({ length }) => length === 0,
  );
  return isEmpty ? undefined : spec;
}

/** Routes into a device need the device and, if all share one table, the pins past the tunnel. */
export function routesDependencies({ device, destinations, table }: RoutesSpec): ResourceKey[] {
  if (device === undefined || device === LOOPBACK_DEVICE || destinations.length === 0) return [];
  return [`link/${tunnelOfDevice(device)}`, ...(table === MAIN_TABLE ? (["routes/policy"] as const) : [])];
}

/**
 * A table of an unavailable device keeps its guards. They refuse what a rule sends there; otherwise it would reach
 * the next tables and could leave directly (rules S5.4, S5.1). A table without guards is shared.
 */
export function guardsAlone(desired: RoutesSpec): RoutesSpec | undefined {
  return desired.guards.length === 0 ? undefined : { ...desired, destinations: [] };
}

/** A table without destinations has no device, whatever the spec names. */
function diffDevice(desired: RoutesSpec, observed: RoutesObserved): FieldChange[] {
  if (desired.destinations.length === 0 || observed.destinations.length === 0) return [];
  return valueChange("/device", observed.device, desired.device);
}
