import type { Host } from "../../host/ports/host.ts";
import { AwgError } from "../../model/error.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { Plan } from "../../model/plan.ts";
import type { DesiredState, ResourceKey } from "../../model/resource.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import type { Generation } from "../../reconciler/apply/stores.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";
import { planChanges } from "../../reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../fallback.ts";
import type { SessionNote } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import { refuseWithoutRoom } from "./engine-room.ts";
import { heldPorts } from "./held-ports.ts";
import { refuseUnprotecting } from "./protection.ts";

/** What is asked of a plan beside the state that it leads to. */
interface PlanWishes {
  /** Resources to make anew although nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** It puts back what was accepted: what somebody else has meanwhile is left, and the rest is planned. */
  readonly isRepair?: boolean;
}

/** A plan, and what it was made from. */
interface PlannedWay {
  readonly plan: Plan;
  readonly notes: readonly SessionNote[];
  readonly ledger?: Ledger;
  /** What a repair leaves, with a sentence that says who has it. */
  readonly held: ReadonlyMap<ResourceKey, string>;
}

/**
 * The way from the machine as it stands now to a desired state. AwgError conflict names who holds a place it needs;
 * AwgError config where it would destroy what is protected.
 *
 * @param accepted the generation that holds
 */
export async function planDesired(
  parts: SessionParts,
  desired: DesiredState,
  accepted: Generation | undefined,
  { replace, isRepair = false }: PlanWishes = {},
): Promise<PlannedWay> {
  const { host, stores } = parts;
  const ledger = await stores.ledger.read();
  const isAtRest = await isJournalClosed(stores);
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const ports = await heldPorts(host, desired, observed);
  const left = isRepair ? ports : new Map<ResourceKey, string>();
  const input = { desired, observed, ledger, registry: driverRegistry, leave: new Set(left.keys()) };
  const { plan, conflicts, notes } = planChanges({ ...input, ...(replace === undefined ? {} : { replace }) });
  const held = [
    ...conflicts.map(({ key, holder }) => `${key} is held by ${holder}`),
    ...(await heldElsewhere(host, desired, observed)),
    ...(isRepair ? [] : ports.values()),
  ];
  if (held.length > 0) {
    throw new AwgError("conflict", held.join("; "), {
      facts: { conflicts: held },
      remedy: "remove it, or name another interface, listenPort or table in the config; nothing was changed",
    });
  }
  if (!isRepair) await refuseWithoutRoom(parts, plan);
  refuseUnprotecting(plan, desired, accepted?.desired.lifecycle);
  const told = [...notes.map(({ key, message }) => ({ path: key, message })), ...fallbackNotes(observed)];
  return { plan, notes: told, held: left, ...(isAtRest ? { ledger } : {}) };
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
