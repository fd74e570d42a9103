import { isHalfDestroyed, takenOver } from "../../reconciler/apply/recover.ts";
import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { HostParts } from "../parts.ts";
import type { PlanNote, Planned } from "../plan/planned.ts";
import { readOpenChange, whyOpen } from "./open-change.ts";

type Towards = Pick<Planned, "verb" | "desired">;

/**
 * What is to be known of a plan that was made while a change is open: a plan starts from the machine as it stands, and before
 * it is carried out that change is brought to an end, so that other steps may be left. Reads only.
 */
export async function openNote(parts: HostParts, open: OpenTransaction, towards: Towards): Promise<PlanNote> {
  const change = await readOpenChange(parts, open);
  const isLeft = change.why === "awaiting-confirmation" || change.why === "under-way";
  const first = isLeft ? "until that ends nothing else is changed" : await endOf(parts, open, towards);
  const message = `${whyOpen(change)} (${parts.stores.journal.location}): ${first}`;
  return { path: "journal", message, isWarning: true };
}

/** As `recoverTowards` does it. */
async function endOf(parts: HostParts, open: OpenTransaction, { verb, desired }: Towards): Promise<string> {
  if (verb === "destroy" && (await takenOver(parts, open)).length === 0) {
    const what = isHalfDestroyed(open) ? "it is carried to its end" : "this destroy takes away what it made, too";
    return `${what}, by steps that may be others than these`;
  }
  const hasPolicy = desired.resources.some(({ kind }) => kind === "firewall");
  const goesOn = isHalfDestroyed(open) && open.rollbackCause === undefined && !hasPolicy;
  return `it is ${goesOn ? "carried to its end" : "undone"} first, and the plan made anew, whose steps may be others than these`;
}
