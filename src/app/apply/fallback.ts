import type { Host } from "../../host/ports/host.ts";
import { sameData } from "../../model/canonical.ts";
import { devicesByNumber, fallbackSwitches, switchedOrigins, switchName } from "../../model/firewall/fallback.ts";
import type { FirewallObserved, FirewallPolicy, PathSwitch } from "../../model/firewall/policy.ts";
import { deviceOfTunnel, PATH_NUMBERS } from "../../model/ownership.ts";
import type { Resource } from "../../model/resource.ts";
import type { DesiredState, StandbyMode } from "../../model/resources/desired-state.ts";
import { renderPolicyRule } from "../../model/resources/policy-rule.ts";
import type { PolicyRule, StandbyRules } from "../../model/resources/routes.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import { readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import { isOwnRule } from "../../resources/routes/route-table.ts";
import type { HostParts } from "../parts.ts";
import type { FallenBack } from "../status/status-report.ts";

/** A switch of paths by device. Path numbers change when tunnels are added and removed; device names do not. */
export interface DeviceSwitch {
  readonly device: string;
  /** Another tunnel's device, or `DIRECT`. */
  readonly to: string;
}

/** In place of a device's name: no device can have a name with a slash. */
export const DIRECT = "/direct";

/** A proxy in place of a tunnel: its relay reports its health. */
export interface FallbackProxy {
  readonly device: string;
  /** The number of its path. */
  readonly relay: number;
}

/** A tunnel or proxy that takes part in fallbacks. */
export interface FallbackTunnel {
  readonly spec: TunnelSpec | FallbackProxy;
  /** Where its flows go while it is down: other tunnels' devices, and `DIRECT`; empty if it only stands in. */
  readonly alternatives: readonly string[];
  readonly standsIn: boolean;
  /** How it is kept while nothing uses it; absent if it has traffic of its own, or stands in for no other. */
  readonly standby?: StandbyMode;
}

/** The tunnels and proxies of a desired state that have a fallback, or stand in for another. Pure. */
export function fallbackTunnels({ resources, standby = {} }: DesiredState): readonly FallbackTunnel[] {
  const policy = policyOf({ resources });
  if (policy === undefined) return [];
  const switches = devicesOf(policy, fallbackSwitches(policy));
  return resources.flatMap((resource): FallbackTunnel[] => {
    const spec = carrierOf(resource);
    if (spec === undefined) return [];
    const alternatives = switches.filter(({ device }) => device === spec.device).map(({ to }) => to);
    const standsIn = switches.some(({ to }) => to === spec.device);
    if (alternatives.length === 0 && !standsIn) return [];
    const mode = standby[spec.device];
    return [{ spec, alternatives, standsIn, ...(mode === undefined ? {} : { standby: mode }) }];
  });
}

function carrierOf(resource: Resource): FallbackTunnel["spec"] | undefined {
  if (resource.kind === "tunnel") return resource.spec;
  if (resource.kind !== "proxy") return undefined;
  return { device: deviceOfTunnel(resource.spec.name), relay: resource.spec.number };
}

/**
 * What is carried otherwise now, as the packet filter has it. Pure.
 *
 * @param resources name the tunnels of its devices
 */
export function fallenBack(
  observed: Partial<FirewallObserved> | undefined,
  resources: readonly Resource[] = [],
): readonly FallenBack[] {
  const { policy = null, fallback = [] } = observed ?? {};
  if (policy === null) return [];
  const byDevice = Map.groupBy(fallback, ({ path }) => path);
  return [...byDevice.values()].flatMap((switches) =>
    switches.map((one, index) => {
      const [named] = devicesOf(policy, [one]);
      const earlier = new Set(switches.slice(0, index).flatMap((other) => switchedOrigins(policy, other)));
      const device = named?.device ?? String(one.path);
      const by = named === undefined || named.to === DIRECT ? undefined : named.to;
      return {
        device,
        tunnel: nameOf(device, resources),
        ...(by === undefined ? { to: "direct" } : { by, to: nameOf(by, resources) }),
        rules: switchedOrigins(policy, one).filter((origin) => !earlier.has(origin)),
      };
    }),
  );
}

/** Those of the switches that traffic of the state takes. Pure. */
export function usedSwitches(desired: DesiredState, switches: readonly DeviceSwitch[]): readonly DeviceSwitch[] {
  const fallen = fallenBack({ policy: policyOf(desired) ?? null, fallback: pathsOf(desired, switches) });
  return fallen.flatMap(({ device, by, rules }) => (rules.length === 0 ? [] : [{ device, to: by ?? DIRECT }]));
}

function nameOf(device: string, resources: readonly Resource[]): string {
  const key = resources.find((one) => carrierOf(one)?.device === device)?.key;
  return key === undefined ? tunnelOfDevice(device) : key.slice(key.indexOf("/") + 1);
}

/**
 * Puts these switches of paths in force and all others out of force (rule S4.9). A path is
 * closed in the routes before it is closed in the filter, and opened in the filter before it is opened in the routes. The
 * desired state does not change: this is no drift and makes no generation.
 */
export async function fallBackOn(host: Host, desired: DesiredState, switches: readonly PathSwitch[]): Promise<void> {
  const { missing, surplus } = await standbyDifference(host, standbyOf(desired), switches);
  const change = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };
  if (surplus.length > 0) await host.routes.change({ ...change, deleteRules: surplus });
  await host.firewall.fallBack(switches);
  if (missing.length > 0) await host.routes.change({ ...change, addRules: missing });
}

async function standbyDifference(
  host: Host,
  standby: readonly StandbyRules[],
  switches: readonly PathSwitch[],
): Promise<{ readonly missing: readonly PolicyRule[]; readonly surplus: readonly PolicyRule[] }> {
  if (standby.length === 0) return { missing: [], surplus: [] };
  const names = new Set(switches.map(switchName));
  const found = new Set((await host.routes.readRules()).filter(isOwnRule).map(({ rule }) => renderPolicyRule(rule)));
  const wanted = standby.filter((one) => names.has(switchName(one))).flatMap(({ rules }) => rules);
  const kept = new Set(wanted.map(renderPolicyRule));
  const surplus = standby
    .flatMap(({ rules }) => rules)
    .filter((rule) => found.has(renderPolicyRule(rule)) && !kept.has(renderPolicyRule(rule)));
  return { missing: wanted.filter((rule) => !found.has(renderPolicyRule(rule))), surplus };
}

/**
 * The same for the accepted state, by devices. A change takes the lock, so no apply or destroy runs meanwhile;
 * what is in force is only renewed, without the lock: the filter must hold the accepted policy, and
 * refuses if the ruleset has changed by then. While a change waits for confirmation nothing is put in force.
 *
 * @throws AwgError("locked") while another awg is at work.
 */
export async function fallBackAccepted(
  parts: HostParts,
  switches: readonly DeviceSwitch[],
  renew: boolean,
): Promise<void> {
  const { host, stores } = parts;
  const accepted = await stores.generations.latest();
  const wanted = pathsOf(accepted?.desired, switches);
  if (accepted !== undefined && (await isInForce(host, accepted.desired, wanted)))
    return renew ? host.firewall.fallBack(wanted) : undefined;
  await using _held = await parts.lock("fallback");
  if ((await readOpenTransaction(stores.journal)) !== undefined) return;
  const desired = (await stores.generations.latest())?.desired;
  if (desired !== undefined) await fallBackOn(host, desired, pathsOf(desired, switches));
}

function pathsOf(desired: DesiredState | undefined, switches: readonly DeviceSwitch[]): readonly PathSwitch[] {
  const policy = desired === undefined ? undefined : policyOf(desired);
  if (policy === undefined) return [];
  const known = fallbackSwitches(policy);
  return known.filter((_, index) => {
    const [one] = devicesOf(policy, known.slice(index, index + 1));
    return switches.some(({ device, to }) => device === one?.device && to === one.to);
  });
}

function devicesOf(policy: FirewallPolicy, switches: readonly PathSwitch[]): DeviceSwitch[] {
  const names = devicesByNumber(policy);
  const deviceOf = (number: number): string | undefined =>
    number === PATH_NUMBERS.direct ? DIRECT : names.get(number);
  return switches.flatMap(({ path, to }) => {
    const [device, other] = [deviceOf(path), deviceOf(to)];
    return device === undefined || other === undefined ? [] : [{ device, to: other }];
  });
}

function policyOf({ resources }: DesiredState): FirewallPolicy | undefined {
  return resources.find((resource) => resource.kind === "firewall")?.spec;
}

/** Whether the accepted policy is loaded and exactly these switches are in force, in routes and filter. */
async function isInForce(host: Host, desired: DesiredState, switches: readonly PathSwitch[]): Promise<boolean> {
  const { missing, surplus } = await standbyDifference(host, standbyOf(desired), switches);
  const { policy, fallback = [] } = await host.firewall.read();
  const isSame = fallback.map(switchName).toSorted().join() === switches.map(switchName).toSorted().join();
  if (missing.length > 0 || surplus.length > 0 || !isSame) return false;
  return switches.length === 0 || sameData(policy, policyOf(desired) ?? null);
}

function standbyOf(desired: DesiredState | undefined): readonly StandbyRules[] {
  return (desired?.resources ?? []).flatMap((resource) =>
    resource.kind === "routes" ? (resource.spec.standby ?? []) : [],
  );
}
