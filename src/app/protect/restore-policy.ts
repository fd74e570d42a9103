import { sameData } from "../../model/canonical.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { isClaim } from "../../model/plan.ts";
import { loadStrictest, strictestOf } from "../../reconciler/apply/block.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import { type OpenTransaction, readOpenTransaction, verifiedState } from "../../reconciler/journal/open-transaction.ts";
import { firewallDriver } from "../../resources/firewall/firewall.driver.ts";
import { generationBehind, overdue } from "../down/override.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";

/** What is wrong with a packet filter that still lets out what a pause allowed. */
export const PAUSE_IS_OVER = "the pause is over and the packet filter was still open";

/** The same of a login page. */
export const PAGE_IS_OVER = "the time of the login page is over and the packet filter was still open";

/** A packet filter that was changed from outside, and what was done about it. */
export interface RestoredPolicy {
  /** What was wrong, for people: "the packet filter was gone". */
  readonly wrong: string;
  /** `unheld`: loaded, but no keeper protects it from a flush. `no`: no attempt is known to have loaded it. */
  readonly restored: "yes" | "unheld" | "blocked" | "no";
  /** Why the host refused the former policy, if it did. */
  readonly refusal?: string;
  /** No program changed it: the host is on another network. */
  readonly isOutdated?: true;
}

/**
 * Restores the packet filter if it is missing, damaged or without a keeper. Gives undefined if it is intact or none is
 * due. It needs no configuration, secrets or plan, so a failure of these leaves no host open (law 1). A missing or
 * damaged one does not wait for the lock (rule S1.7); a keeper for it does. If the host refuses the policy, all traffic
 * is blocked (rule S1.4). Nothing else is changed or journalled: one load is one kernel transaction.
 *
 * @throws AwgError locked while another awg is at work and nothing was restored; journal or permission if the state is
 *   unreadable; the errors of reading the packet filter
 */
export async function restorePolicy(parts: HostParts): Promise<RestoredPolicy | undefined> {
  parts.requireRights?.();
  const found = await findWrong(parts);
  if (found === undefined) return undefined;
  const isLoaded = found.atOnce && (await loadAtOnce(parts, found.due));
  const outdated = found.isOutdated === true ? { isOutdated: true as const } : {};
  const restored = isLoaded ? ({ wrong: found.wrong, restored: "yes", ...outdated } as const) : undefined;
  const lock = await parts.lock("protect").catch((error: unknown) => {
    if (restored === undefined) throw error;
  });
  if (lock === undefined) return restored;
  await using _held = lock;
  // The holder of the lock may have repaired it, or left another state.
  const held = await restorePolicyHeld(parts);
  return restored === undefined ? held : { ...(held ?? restored), ...outdated, wrong: found.wrong };
}

/**
 * Loads what all of these allow, without the lock and without a keeper, which takes longer to start. Whoever holds the
 * lock loads its own policy over it. Returns whether the host accepted it.
 */
async function loadAtOnce({ host, close }: HostParts, due: readonly FirewallPolicy[]): Promise<boolean> {
  try {
    await host.firewall.load(strictestOf(due), { unheld: true });
    await close();
    return true;
  } catch {
    // The load under the lock meets the same refusal and reports it.
    return false;
  }
}

/** The same for the holder of the lock. */
export async function restorePolicyHeld(parts: HostParts): Promise<RestoredPolicy | undefined> {
  const found = await findWrong(parts);
  if (found === undefined) return undefined;
  const { loaded, refusal } = await loadStrictest(applyDepsOf(parts), found.due);
  await parts.close();
  const restored = refusal === undefined ? "yes" : loaded ? "blocked" : (await isWhole(parts)) ? "unheld" : "no";
  const outdated = found.isOutdated === true ? { isOutdated: true as const } : {};
  return {
    wrong: found.wrong,
    restored,
    ...outdated,
    ...(refusal === undefined ? {} : { refusal: messageOf(refusal) }),
  };
}

/**
 * The policies to restore, of which the strictest is loaded; [] if there is none. While a change awaits confirmation,
 * it is the one on trial. After a crash it is what both states of the change allow. A change before a reboot leaves
 * nothing. Pure.
 */
export function duePolicies(
  open: OpenTransaction | undefined,
  accepted: Generation | undefined,
  nowBootMs: number,
): readonly FirewallPolicy[] {
  const holds = verifiedState(open, nowBootMs);
  if (holds !== undefined) return policiesOf(holds.generation);
  const begun = (open?.batches ?? []).filter(({ sameBoot }) => sameBoot).flatMap(({ batch }) => batch.steps);
  const half = begun.flatMap((step) => (step.kind === "firewall" && !isClaim(step) ? [step.before, step.after] : []));
  return [...policiesOf(accepted), ...half.filter((policy) => policy !== null)];
}

/** Restores the packet filter after a verb has failed. Gives the error to report; `restoredNote` has the result. */
export async function afterRestoring(parts: HostParts, cause: unknown): Promise<unknown> {
  const found = await restorePolicy(parts).catch(() => undefined);
  if (found === undefined || !(cause instanceof AwgError)) return cause;
  const { kind, facts, remedy } = cause;
  const restored = { ...facts, packetFilter: renderRestored(found) };
  return new AwgError(kind, cause.message, { cause, facts: restored, ...(remedy === undefined ? {} : { remedy }) });
}

/** One clause for people. Pure. */
export function renderRestored({ wrong, restored, refusal }: RestoredPolicy): string {
  if (restored === "yes" && wrong === PAUSE_IS_OVER) return "the pause is over; the kill switch is closed again";
  if (restored === "yes") return `${wrong}; it is loaded again`;
  if (restored === "unheld") return `${wrong}; it is loaded again, and no keeper protects it (${refusal})`;
  const now = restored === "blocked" ? "all traffic is blocked" : "traffic is not protected";
  return `${wrong} and could not be loaded again (${refusal}); ${now}`;
}

/** Whether a policy of ours is loaded and intact. */
async function isWhole({ host }: HostParts): Promise<boolean> {
  const { policy, damage } = await host.firewall.read();
  return policy !== null && damage.length === 0;
}

function policiesOf(generation: Generation | undefined): readonly FirewallPolicy[] {
  return (generation?.desired.resources ?? []).flatMap((resource) =>
    resource.kind === "firewall" ? [resource.spec] : [],
  );
}

/** What is wrong with the packet filter, and the policies that are due. */
interface Wrong {
  readonly wrong: string;
  readonly due: readonly FirewallPolicy[];
  /** Whether the due policies may be loaded while another awg holds the lock. */
  readonly atOnce: boolean;
  readonly isOutdated?: boolean;
}

async function findWrong(parts: HostParts): Promise<Wrong | undefined> {
  const [observed] = (await firewallDriver.observe(parts.host, new Map())).values();
  const { policy = null, damage = [], held = false, holdable, isOutdated = false } = observed ?? {};
  if (policy !== null && damage.length === 0) {
    const ended = await endedPause(parts, policy);
    if (ended !== undefined) return ended;
    const isFlushable = !held && holdable !== false;
    return isFlushable ? { wrong: "no process owned the packet filter", due: [policy], atOnce: false } : undefined;
  }
  const { journal, generations } = parts.stores;
  const open = await readOpenTransaction(journal);
  const accepted = await generations.latest();
  const due = [
    ...duePolicies(open, accepted, bootTimeMs(parts)),
    ...policiesOf(await generationAfterPause(parts, accepted)),
  ];
  if (due.length === 0) return undefined;
  const was = isOutdated ? "was of another network" : "was damaged";
  const wrong = damage[0] === undefined ? "the packet filter was gone" : `the packet filter ${was} (${damage[0]})`;
  return { wrong, due, atOnce: !held && !endsWithoutPolicy(open), isOutdated };
}

/** A pause or login page that is over must not let anything out until its end is planned, whatever keeps that (S1.6). */
async function endedPause(parts: HostParts, policy: FirewallPolicy): Promise<Wrong | undefined> {
  const accepted = await parts.stores.generations.latest();
  const after = policiesOf(await generationAfterPause(parts, accepted));
  const paused = policiesOf(accepted);
  if (after.length === 0 || !paused.some((one) => sameData(one, policy))) return undefined;
  const isPage = accepted?.desired.override?.what === "portal";
  return { wrong: isPage ? PAGE_IS_OVER : PAUSE_IS_OVER, due: [...paused, ...after], atOnce: true };
}

/** The generation that holds again after a pause or login page that is over; undefined if there is none. */
async function generationAfterPause(
  parts: HostParts,
  accepted: Generation | undefined,
): Promise<Generation | undefined> {
  const over = overdue(accepted, parts);
  const opens = over?.what === "pause" || over?.what === "portal";
  return over !== undefined && opens ? generationBehind(parts, over) : undefined;
}

/** Whether an open change may leave no policy, at its end or rolled back: then its awg may just have removed it. Pure. */
function endsWithoutPolicy(open: OpenTransaction | undefined): boolean {
  const steps = (open?.batches ?? []).flatMap(({ batch }) => batch.steps);
  return steps.some((step) => step.kind === "firewall" && (step.before === null || step.after === null));
}
