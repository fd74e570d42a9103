import type { Host } from "../../host/ports/host.ts";
import { foreignTableRemedy } from "../../model/firewall/foreign-tables.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { driverOf, isPolicy, type Observation } from "../../reconciler/plan/observation.ts";
import { type PlanInput, type PlanResult, planChanges } from "../../reconciler/plan/plan-changes.ts";
import type { DriverRegistry } from "../../resources/driver.ts";

/** Resources blocked by another program that holds what they need, each with a sentence that names it. */
export type HeldByOthers = ReadonlyMap<ResourceKey, string>;

/**
 * Tunnels with a UDP port that another program holds, each with what to do. A port of one of our engines is free for
 * another, since that engine releases it first.
 */
export async function heldTunnels(
  { engines }: Pick<Host, "engines">,
  { resources }: DesiredState,
  { current }: Observation,
): Promise<HeldByOthers> {
  const standing = current.get("tunnel");
  const ports = [...(standing?.values() ?? [])].map((tunnel) => (tunnel as TunnelObserved).listenPort);
  const held = new Map<ResourceKey, string>();
  for (const { kind, key, spec } of resources) {
    if (kind !== "tunnel" || spec.listenPort === 0 || ports.includes(spec.listenPort)) continue;
    const name = key.slice("tunnel/".length);
    const holder = await engines.portHolder?.(spec.listenPort);
    if (holder !== undefined) {
      const used = `tunnel "${name}": UDP port ${spec.listenPort} is used by ${holder}`;
      held.set(key, `${used}. Set \`listenPort\` to another value, or stop it`);
    }
  }
  return held;
}

/**
 * A plan that skips resources that others hold, and their dependents. No engine starts on a device of another program.
 * On Linux the table of that device gets only its guards: no route leads there, and no packet falls past it. All else
 * is planned. The packet filter is never skipped, so a conflict about it stays a conflict. Pure.
 */
export function planAround(input: PlanInput, tunnels: HeldByOthers): PlanResult & { readonly held: HeldByOthers } {
  const planned = planChanges({ ...input, leave: new Set(tunnels.keys()) });
  if (planned.conflicts.length === 0) return { ...planned, held: tunnels };
  const conflicts = planned.conflicts.map(({ key, holder }) => [key, heldBy(key, holder)] as const);
  const held = withDependents(new Map([...tunnels, ...conflicts]), input.desired, input.registry);
  const { resources } = input.desired;
  if (resources.some(({ key, kind }) => held.has(key) && isPolicy(driverOf(input.registry, kind))))
    return { ...planned, held: tunnels };
  return { ...planChanges({ ...input, leave: new Set(held.keys()) }), held };
}

/** These and all that depend on one of them, with the same sentence. */
function withDependents(held: HeldByOthers, { resources }: DesiredState, registry: DriverRegistry): HeldByOthers {
  const all = new Map(held);
  for (let known = -1; known < all.size; ) {
    known = all.size;
    for (const { kind, key, spec } of resources) {
      const below = all.has(key) ? [] : (driverOf(registry, kind).dependsOn?.(spec) ?? []);
      const inherited = below.map((one) => all.get(one)).find((sentence) => sentence !== undefined);
      if (inherited !== undefined) all.set(key, inherited);
    }
  }
  return all;
}

/** Each sentence once: a dependent has the sentence of the resource it depends on. */
export function holderSentences(held: HeldByOthers): readonly string[] {
  return [...new Set(held.values())];
}

/** What a person can do if another program holds these resources; sentences on tunnels have it themselves. Pure. */
export function conflictRemedy(
  keys: readonly ResourceKey[],
  { current }: Pick<Observation, "current"> = { current: new Map() },
): string {
  const [firewall] = current.get("firewall")?.values() ?? [];
  const { foreignTables = [] } = (firewall as FirewallObserved | undefined) ?? {};
  if (keys.some((key) => key.startsWith("firewall/"))) return foreignTableRemedy(foreignTables);
  const areResolverFiles = keys.length > 0 && keys.every((key) => key.startsWith("resolver/"));
  return areResolverFiles
    ? "make it a plain file of a few lines, or take dns.servers out of the config"
    : "stop or remove it, or set another interface, listenPort or table in the config";
}

/** In the words of every conflict. */
export function heldBy(key: ResourceKey, holder: string): string {
  return `${key} is held by ${holder}`;
}
