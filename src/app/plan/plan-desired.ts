import { AwgError } from "../../model/error.ts";
import { placeOf } from "../../model/firewall/flow-path.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
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
import {
  conflictRemedy,
  type HeldByOthers,
  heldBy,
  heldTunnels,
  holderSentences,
  planAround,
} from "./foreign-holders.ts";
import { refuseWithoutRoom } from "./inotify-limit.ts";
import type { PlanNote } from "./planned.ts";
import { refuseUnprotecting } from "./protection.ts";
import { trafficSentence } from "./traffic.ts";

/** Options of a plan beside the desired state. */
interface PlanWishes {
  /** Resources to replace although nothing differs. */
  readonly replace?: ReadonlySet<ResourceKey>;
  /** A repair: skip resources that another program now holds and plan the rest. */
  readonly isRepair?: boolean;
}

/** A plan and its inputs. */
interface PlannedDesired {
  readonly plan: Plan;
  readonly notes: readonly PlanNote[];
  /** What happens to packets during and after it. */
  readonly traffic: string;
  readonly ledger?: Ledger;
  /** An open change; absent if there is none or the journal cannot be read. */
  readonly open?: OpenTransaction;
  /** Resources that a repair skips, each with a sentence naming the holder. */
  readonly held: HeldByOthers;
  readonly returning?: readonly string[];
}

/**
 * Plans the steps from the host as it is to a desired state. AwgError conflict names the holder of something it needs;
 * AwgError config if it would destroy a protected resource.
 *
 * @param accepted the current generation
 */
export async function planDesired(
  parts: HostParts,
  desired: DesiredState,
  accepted: Generation | undefined,
  { replace, isRepair = false }: PlanWishes = {},
): Promise<PlannedDesired> {
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
    ...(isRepair ? [] : holderSentences(tunnels)),
  ];
  if (refused.length > 0) {
    const keys = conflicts.map(({ key }) => key);
    const remedy = keys.length === 0 ? "" : `${conflictRemedy(keys, observed)}; `;
    throw new AwgError("conflict", refused.join("; "), {
      facts: { conflicts: refused },
      remedy: `${remedy}nothing was changed`,
    });
  }
  if (!isRepair) await refuseWithoutRoom(parts, plan);
  refuseUnprotecting(plan, desired, accepted?.desired.lifecycle);
  const returning = await returningServers(host, plan);
  const allNotes = [
    ...notes.map(({ key, message }) => ({ path: key, message })),
    ...obstacleNotes(host, plan),
    ...returnNotes(returning),
    ...(await socketNotes(host, plan)),
    ...fallbackNotes(observed),
  ];
  return {
    plan,
    notes: allNotes,
    traffic: trafficSentence(plan, observed),
    held,
    ...(returning.length === 0 ? {} : { returning }),
    ...(journal.isAtRest ? { ledger } : {}),
    ...(open === undefined ? {} : { open }),
  };
}

/** Whether no change is open, as far as the journal can be read. */
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

/** What an apply of the plan would refuse. */
function obstacleNotes({ resolver }: HostParts["host"], plan: Plan): readonly PlanNote[] {
  return stepsOf(plan).flatMap((step): PlanNote[] => {
    if (step.kind !== "resolver" || step.after === null || isClaim(step)) return [];
    const obstacle = resolver.obstacle?.(step.after);
    if (obstacle === undefined) return [];
    const message = `an apply is refused: ${obstacle.what}; ${obstacle.remedy}`;
    return [{ path: "dns.servers", message, isWarning: true }];
  });
}

/** The name servers that the host has again after the plan; empty if it keeps its resolver, or they are unknown. */
async function returningServers({ resolver }: HostParts["host"], plan: Plan): Promise<readonly string[]> {
  const isRestored = stepsOf(plan).some(({ kind, action, after }) => {
    return kind === "resolver" && after === null && action !== "adopt" && action !== "forget";
  });
  return isRestored ? ((await resolver.replaced?.()) ?? []) : [];
}

function returnNotes(servers: readonly string[]): readonly PlanNote[] {
  if (servers.length === 0) return [];
  return [{ path: "dns", message: `the host gets its name servers back: ${servers.join(", ")}` }];
}

/** Control sockets that a new engine cannot have at the shared name. */
async function socketNotes({ engines }: HostParts["host"], plan: Plan): Promise<readonly PlanNote[]> {
  const notes: PlanNote[] = [];
  for (const { kind, key, before, after } of stepsOf(plan)) {
    if (kind !== "tunnel" || before !== null || after === null) continue;
    const socket = await engines.separateSocket?.(after);
    if (socket === undefined) continue;
    const path = key.replace("tunnel/", "tunnels.");
    notes.push({ path, message: `another network namespace has this name's control socket; this one is ${socket}` });
  }
  return notes;
}

/** Traffic that takes another path now because its tunnel is down. */
function fallbackNotes(observed: Observation): readonly PlanNote[] {
  const [firewall] = observed.current.get("firewall")?.values() ?? [];
  return fallenBack(firewall as FirewallObserved | undefined).flatMap(({ device, by, rules }) =>
    rules.map((rule) => ({
      path: placeOf({ origin: rule }),
      message: `goes ${by === undefined ? "direct" : `by ${by}`} now because ${device} is down`,
    })),
  );
}
