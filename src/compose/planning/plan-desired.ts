import type { Host } from "../../host/ports/host.ts";
import { AwgError } from "../../model/error.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { Plan } from "../../model/plan.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import type { TunnelObserved } from "../../model/spec/tunnel.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import type { Generation } from "../../reconciler/apply/stores.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";
import { planChanges } from "../../reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../fallback.ts";
import type { SessionNote } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import { refuseUnprotecting } from "./protection.ts";

/**
 * The way from the machine as it stands now to a desired state. AwgError conflict names who holds a place it needs;
 * AwgError config where it would destroy what is protected.
 *
 * @param accepted the generation that holds
 */
export async function planDesired(
  { host, stores }: SessionParts,
  desired: DesiredState,
  accepted: Generation | undefined,
  replace: ReadonlySet<ResourceKey> = new Set(),
): Promise<{ readonly plan: Plan; readonly notes: readonly SessionNote[]; readonly ledger?: Ledger }> {
  const ledger = await stores.ledger.read();
  const isAtRest = await isJournalClosed(stores);
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const { plan, conflicts, notes } = planChanges({ desired, observed, ledger, registry: driverRegistry, replace });
  const held = [
    ...conflicts.map(({ key, holder }) => `${key} is held by ${holder}`),
    ...(await heldElsewhere(host, desired, observed)),
    ...(await heldPorts(host, desired, observed)),
  ];
  if (held.length > 0) {
    throw new AwgError("conflict", held.join("; "), {
      facts: { conflicts: held },
      remedy: "remove it, or name another interface, listenPort or table in the config; nothing was changed",
    });
  }
  refuseUnprotecting(plan, [desired.lifecycle, accepted?.desired.lifecycle]);
  const told = [...notes.map(({ key, message }) => ({ path: key, message })), ...fallbackNotes(observed)];
  return { plan, notes: told, ...(isAtRest ? { ledger } : {}) };
}

/** Whether nobody is changing the machine, or was cut short in it, as far as the journal can be read. */
async function isJournalClosed({ journal }: SessionParts["stores"]): Promise<boolean> {
  try {
    return (await journal.read()).length === 0;
  } catch {
    return false;
  }
}

/**
 * Tunnels whose engine's socket is somebody else's already (exit 8 now, instead of a failed apply). One that answers here is
 * nobody else's.
 */
async function heldElsewhere(
  { engines }: Host,
  { resources }: DesiredState,
  { current }: Observation,
): Promise<readonly string[]> {
  const standing = current.get("tunnel");
  const held: string[] = [];
  for (const resource of resources) {
    if (resource.kind !== "tunnel" || standing?.has(resource.key) === true) continue;
    const holder = await engines.elsewhere?.(resource.spec.device);
    if (holder !== undefined) held.push(`${resource.key} is held by ${holder}`);
  }
  return held;
}

/** Tunnels whose UDP port is somebody else's. One that an engine here has is given up by it before another takes it. */
async function heldPorts(
  { engines }: Host,
  { resources }: DesiredState,
  { current }: Observation,
): Promise<readonly string[]> {
  const standing = [...(current.get("tunnel")?.values() ?? [])].map((tunnel) => (tunnel as TunnelObserved).listenPort);
  const held: string[] = [];
  for (const { kind, key, spec } of resources) {
    if (kind !== "tunnel" || spec.listenPort === 0 || standing.includes(spec.listenPort)) continue;
    const holder = await engines.portHolder?.(spec.listenPort);
    if (holder !== undefined) held.push(`${key} is held by ${holder}, which has the UDP port ${spec.listenPort}`);
  }
  return held;
}

/** What takes the direct way now because its tunnel is down. */
function fallbackNotes(observed: Observation): readonly SessionNote[] {
  const [firewall] = observed.current.get("firewall")?.values() ?? [];
  return fallenBack(firewall as FirewallObserved | undefined).flatMap(({ device, rules }) =>
    rules.map((rule) => ({ path: pathOfOrigin(rule), message: `goes direct now, for ${device} is down` })),
  );
}

/** "rules/2 (browser)" is at rules.2. */
function pathOfOrigin(origin: string): string {
  return origin.replace("/", ".").replace(/ .*/, "");
}
