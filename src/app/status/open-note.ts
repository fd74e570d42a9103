import { isHalfDestroyed, takenOver } from "../../reconciler/apply/recover.ts";
import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { HostParts } from "../parts.ts";
import type { PlanNote, Planned } from "../plan/planned.ts";
import { readOpenChange, whyOpen } from "./open-change.ts";

type Towards = Pick<Planned, "verb" | "desired">;

/**
 * The note on a plan made while a change is open. The plan starts from the host as it is. Before it is executed, that
 * change is finished or undone, so other steps may remain. Reads only.
 */
export async function openNote(parts: HostParts, open: OpenTransaction, towards: Towards): Promise<PlanNote> {
  const change = await readOpenChange(parts, open);
  const isLeft = change.why === "awaiting-confirmation" || change.why === "under-way";
  const first = isLeft ? "nothing else is changed until it ends" : await endOf(parts, open, towards);
  const message = `${whyOpen(change)} (${parts.stores.journal.location}): ${first}`;
  return { path: "journal", message, isWarning: true };
}

/** As `recoverTowards` does it. */
async function endOf(parts: HostParts, open: OpenTransaction, { verb, desired }: Towards): Promise<string> {
  if (verb === "destroy" && (await takenOver(parts, open)).length === 0) {
    const what = isHalfDestroyed(open) ? "it is finished" : "this destroy also removes what it made";
    return `${what}; the steps may differ from these`;
  }
  const hasPolicy = desired.resources.some(({ kind }) => kind === "firewall");
  const goesOn = isHalfDestroyed(open) && open.rollbackCause === undefined && !hasPolicy;
  return `it is ${goesOn ? "finished" : "undone"} first; then the plan is made again and its steps may differ`;
}
