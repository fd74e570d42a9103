import type { Host } from "../../host/ports/host.ts";
import { sameData } from "../../model/canonical.ts";
import { fallbackPaths, fallenBackOrigins } from "../../model/firewall/fallback.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { ResourceOf } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { renderPolicyRule } from "../../model/resources/policy-rule.ts";
import type { PolicyRule, StandbyRules } from "../../model/resources/routes.ts";
import { readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import { isOwnRule } from "../../resources/routes/route-table.ts";
import type { HostParts } from "../parts.ts";
import type { FallenBack } from "../status/status-report.ts";

/** A tunnel with flows that go direct while it is down. */
export interface FallbackTunnel {
  readonly path: number;
  readonly spec: ResourceOf<"tunnel">["spec"];
}

/** The tunnels of a desired state that have a fallback to direct. Pure. */
export function fallbackTunnels({ resources }: DesiredState): readonly FallbackTunnel[] {
  const policy = resources.find((resource) => resource.kind === "firewall")?.spec;
  if (policy === undefined) return [];
  const placed = policy.layers.flatMap(({ tunnels }) => tunnels);
  const tunnels = resources.filter((resource) => resource.kind === "tunnel");
  return fallbackPaths(policy).flatMap((path) => {
    const device = placed.find(({ number }) => number === path)?.device;
    const spec = tunnels.find((tunnel) => tunnel.spec.device === device)?.spec;
    return spec === undefined ? [] : [{ path, spec }];
  });
}

/** Tunnels with an active fallback in the packet filter. Pure. */
export function fallenBack(observed: FirewallObserved | undefined): readonly FallenBack[] {
  const { policy = null, fallback = [] } = observed ?? {};
  if (policy === null) return [];
  const placed = policy.layers.flatMap(({ tunnels }) => tunnels);
  return fallback.map((path) => ({
    device: placed.find(({ number }) => number === path)?.device ?? String(path),
    rules: fallenBackOrigins(policy, [path]),
  }));
}

/**
 * Activates the fallback of these paths and deactivates all others (rule S4.9). The direct path is
 * closed in the routes before it is closed in the filter, and opened in the filter before it is opened in the routes. The
 * desired state does not change: this is no drift and makes no generation.
 */
export async function fallBackOn(host: Host, desired: DesiredState, paths: readonly number[]): Promise<void> {
  const { missing, surplus } = await standbyDifference(host, standbyOf(desired), paths);
  const change = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };
  if (surplus.length > 0) await host.routes.change({ ...change, deleteRules: surplus });
  await host.firewall.fallBack(paths);
  if (missing.length > 0) await host.routes.change({ ...change, addRules: missing });
}

async function standbyDifference(
  host: Host,
  standby: readonly StandbyRules[],
  paths: readonly number[],
): Promise<{ readonly missing: readonly PolicyRule[]; readonly surplus: readonly PolicyRule[] }> {
  if (standby.length === 0) return { missing: [], surplus: [] };
  const found = new Set((await host.routes.readRules()).filter(isOwnRule).map(({ rule }) => renderPolicyRule(rule)));
  const wanted = standby.filter(({ path }) => paths.includes(path)).flatMap(({ rules }) => rules);
  const kept = new Set(wanted.map(renderPolicyRule));
  const surplus = standby
    .flatMap(({ rules }) => rules)
    .filter((rule) => found.has(renderPolicyRule(rule)) && !kept.has(renderPolicyRule(rule)));
  return { missing: wanted.filter((rule) => !found.has(renderPolicyRule(rule))), surplus };
}

/**
 * The same for these devices of the accepted state. A change takes the lock, so no apply or destroy runs meanwhile;
 * an active fallback is only renewed, without the lock: the filter must hold the accepted policy, and
 * refuses if the ruleset has changed by then. While a change waits for confirmation no fallback is activated.
 *
 * @throws AwgError("locked") while another awg is at work.
 */
export async function fallBackAccepted(parts: HostParts, devices: readonly string[], renew: boolean): Promise<void> {
  const { host, stores } = parts;
  const accepted = await stores.generations.latest();
  const paths = pathsOf(accepted?.desired, devices);
  if (accepted !== undefined && (await isInForce(host, accepted.desired, paths)))
    return renew ? host.firewall.fallBack(paths) : undefined;
  await using _held = await parts.lock("fallback");
  if ((await readOpenTransaction(stores.journal)) !== undefined) return;
  const desired = (await stores.generations.latest())?.desired;
  if (desired !== undefined) await fallBackOn(host, desired, pathsOf(desired, devices));
}

/** Path numbers change when tunnels are added and removed; device names do not. */
function pathsOf(desired: DesiredState | undefined, devices: readonly string[]): readonly number[] {
  const tunnels = desired === undefined ? [] : fallbackTunnels(desired);
  return tunnels.filter(({ spec }) => devices.includes(spec.device)).map(({ path }) => path);
}

/** Whether the accepted policy is loaded and exactly these paths use their fallback, in routes and filter. */
async function isInForce(host: Host, desired: DesiredState, paths: readonly number[]): Promise<boolean> {
  const { missing, surplus } = await standbyDifference(host, standbyOf(desired), paths);
  const { policy, fallback = [] } = await host.firewall.read();
  const wanted = desired.resources.find(({ kind }) => kind === "firewall")?.spec;
  const isSame = fallback.toSorted().join() === paths.toSorted().join();
  if (missing.length > 0 || surplus.length > 0 || !isSame) return false;
  return paths.length === 0 || sameData(policy, wanted ?? null);
}

function standbyOf(desired: DesiredState | undefined): readonly StandbyRules[] {
  return (desired?.resources ?? []).flatMap((resource) =>
    resource.kind === "routes" ? (resource.spec.standby ?? []) : [],
  );
}
