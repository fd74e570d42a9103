import { AwgError } from "../../model/error.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import type { Plan } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { observeMachine } from "../../reconciler/apply/observe.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import {
  interruptedStepsOf,
  type OpenTransaction,
  readOpenTransaction,
} from "../../reconciler/journal/open-transaction.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import type { Observation } from "../../reconciler/plan/observation.ts";
import { planChanges } from "../../reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../apply/fallback.ts";
import type { HostParts } from "../parts.ts";
import { type HeldByOthers, heldBy, heldTunnels, planAround, sentencesOf, wayOutOf } from "./foreign-holders.ts";
import { refuseWithoutRoom } from "./inotify-limit.ts";
import type { PlanNote } from "./planned.ts";
import { refuseUnprotecting } from "./protection.ts";
import { trafficSentence } from "./traffic.ts";

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
  readonly notes: readonly PlanNote[];
  /** What happens to packets meanwhile and after it. */
  readonly traffic: string;
  readonly ledger?: Ledger;
  /** A change that has not ended; absent where there is none, or the journal cannot be read. */
  readonly open?: OpenTransaction;
  /** What a repair leaves, with a sentence that says who has it. */
  readonly held: HeldByOthers;
}

/**
 * The way from the machine as it stands now to a desired state. AwgError conflict names who holds a place it needs;
 * AwgError config where it would destroy what is protected.
 *
 * @param accepted the generation that holds
 */
export async function planDesired(
  parts: HostParts,
  desired: DesiredState,
  accepted: Generation | undefined,
  { replace, isRepair = false }: PlanWishes = {},
): Promise<PlannedWay> {
  const { host, stores } = parts;
  const ledger = await stores.ledger.read();
  const journal = await readJournal(stores);
  const { open } = journal;
  const observed = await observeMachine(host, driverRegistry, desired, ledger);
  const tunnels = await heldTunnels(host, desired, observed);
  const input = {
    desired,
    observed,
    ledger,
    registry: driverRegistry,
    ...(open === undefined ? {} : { interrupted: interruptedStepsOf(open, driverRegistry) }),
    ...(replace === undefined ? {} : { replace }),
  };
  const { plan, conflicts, notes, held } = isRepair
    ? planAround(input, tunnels)
    : { ...planChanges(input), held: new Map() };
  const refused = [
    ...conflicts.map(({ key, holder }) => heldBy(key, holder)),
    ...(isRepair ? [] : sentencesOf(tunnels)),
  ];
  if (refused.length > 0) {
    throw new AwgError("conflict", refused.join("; "), {
      facts: { conflicts: refused },
      remedy: `${wayOutOf([...conflicts.map(({ key }) => key), ...(isRepair ? [] : tunnels.keys())])}; nothing was changed`,
    });
  }
  if (!isRepair) await refuseWithoutRoom(parts, plan);
  refuseUnprotecting(plan, desired, accepted?.desired.lifecycle);
  const told = [...notes.map(({ key, message }) => ({ path: key, message })), ...fallbackNotes(observed)];
  return {
    plan,
    notes: told,
    traffic: trafficSentence(plan, observed),
    held,
    ...(journal.isAtRest ? { ledger } : {}),
    ...(open === undefined ? {} : { open }),
  };
}

/** Whether nobody is changing the machine, or was interrupted in it, as far as the journal can be read. */
async function readJournal({
  journal,
}: HostParts["stores"]): Promise<{ readonly isAtRest: boolean; readonly open?: OpenTransaction }> {
  try {
    const open = await readOpenTransaction(journal);
    return open === undefined ? { isAtRest: true } : { isAtRest: false, open };
  } catch {
    return { isAtRest: false };
  }
}

/** What takes the direct way now because its tunnel is down. */
function fallbackNotes(observed: Observation): readonly PlanNote[] {
  const [firewall] = observed.current.get("firewall")?.values() ?? [];
  return fallenBack(firewall as FirewallObserved | undefined).flatMap(({ device, rules }) =>
    rules.map((rule) => ({ path: pathOfOrigin(rule), message: `goes direct now, for ${device} is down` })),
  );
}

/** "rules/2 (browser)" is at rules.2. */
function pathOfOrigin(origin: string): string {
  return origin.replace("/", ".").replace(/ .*/, "");
}
