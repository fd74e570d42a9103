import type { DesiredState } from "../../../model/resources/desired-state.ts";
import type { Generation } from "../../../reconciler/journal/generation.ts";
import type { Drift } from "../../../reconciler/plan/drift.ts";
import type { Unrecorded } from "../compare-host.ts";
import type { NoNetwork } from "../no-network.ts";
import { type OpenChange, whyOpen } from "../open-change.ts";
import type { Condition, FallenBack, ResourceStatus } from "../status-report.ts";

/** What the conditions follow from. */
export interface ConditionInput {
  readonly generation: Generation | undefined;
  readonly desired: DesiredState;
  readonly drifts: readonly Drift[];
  readonly unrecorded?: Unrecorded | undefined;
  /** Why no endpoint of a tunnel can be reached. */
  readonly noNetwork?: NoNetwork | undefined;
  /** Down tunnels with another path in force. */
  readonly fallback?: readonly FallenBack[];
  readonly openJournal: string | undefined;
  readonly openChange?: OpenChange;
  /** Start of that apply, in milliseconds since the epoch. */
  readonly openSinceMs?: number;
  /** Things a resource needs that another program holds: one sentence each, with the holder. */
  readonly held?: readonly string[];
}

/**
 * What a change that has not ended means: another process works on it (Reconciling), none does (Stalled), or a person is
 * to approve something (ApprovalPending). Pure.
 *
 * @param accepted since when nothing is open
 */
export function changeConditions(
  input: ConditionInput,
  resources: readonly ResourceStatus[],
  accepted: Pick<Condition, "since">,
): readonly Condition[] {
  return [stalled(input, accepted), reconciling(input), approvalPending(input, resources)];
}

function stalled(
  { openJournal, openChange, held = [], openSinceMs }: ConditionInput,
  accepted: Pick<Condition, "since">,
) {
  const isOpen = openJournal !== undefined && !isAtWork(openChange);
  const status = isOpen || held.length > 0;
  const open = openSinceMs === undefined ? {} : { since: new Date(openSinceMs).toISOString() };
  return {
    type: "Stalled",
    status,
    reason: isOpen ? "OpenChange" : held.length > 0 ? "HeldByAnother" : "NothingOpen",
    message: whatHolds(held, openJournal, openChange),
    ...(openJournal === undefined ? (status || openChange !== undefined ? {} : accepted) : open),
  } satisfies Condition;
}

function reconciling({ openJournal, openChange, openSinceMs }: ConditionInput): Condition {
  const status = openJournal !== undefined && isAtWork(openChange);
  const message = status && openChange !== undefined ? whyOpen(openChange) : "nothing is being changed";
  const since = status && openSinceMs !== undefined ? { since: new Date(openSinceMs).toISOString() } : {};
  return { type: "Reconciling", status, reason: status ? "ChangedByAnother" : "AtRest", message, ...since };
}

function approvalPending({ openChange }: ConditionInput, resources: readonly ResourceStatus[]): Condition {
  const pending = (reason: Condition["reason"], message: string, status = true): Condition => {
    return { type: "ApprovalPending", status, reason, message };
  };
  if (openChange?.why === "awaiting-confirmation") return pending("NotConfirmed", whyOpen(openChange));
  const extension = resources.find(({ key, ready }) => key.startsWith("system-extension/") && !ready);
  if (extension !== undefined) return pending("SystemExtension", `${extension.key}: ${extension.summary}`);
  return pending("NothingPending", "nothing waits for a person", false);
}

/** A process that was stopped by a signal works on nothing. */
function isAtWork(change: OpenChange | undefined): boolean {
  return change?.why === "under-way" && !change.changedBy.isStopped;
}

function whatHolds(held: readonly string[], journal: string | undefined, open: OpenChange | undefined): string {
  if (open !== undefined && journal !== undefined) return `${whyOpen(open)}: ${journal}`;
  if (held.length > 0) return held.join("; ");
  return open === undefined ? "no apply is open" : whyOpen(open);
}
