import type { Verb } from "../../reconciler/journal/journal-record.ts";
import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { LockingProcess } from "../../state/lock.ts";
import { type Awaiting, awaitedIn } from "../apply/awaiting.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";

/** What became of a change that has begun and is not accepted. A rollback is an apply, too. */
export type OpenChange = { readonly verb: Verb } & (
  | { readonly why: "awaiting-confirmation"; readonly awaiting: Awaiting }
  /** A process goes on with it, or is stopped in it. */
  | { readonly why: "under-way"; readonly changedBy: LockingProcess }
  /**
   * All of it stands as it was to, and only that it was accepted is left to be written; it was on trial, was not confirmed in
   * time (or before a reboot), and nobody has put the old state back yet; its way back failed; or it was interrupted.
   */
  | { readonly why: "unwritten" | "not-confirmed" | "way-back-failed" | "cut-short" }
);

/** How the open change stands. Reads only. */
export async function readOpenChange(parts: HostParts, open: OpenTransaction): Promise<OpenChange> {
  const { verb } = open.begin;
  const awaiting = awaitedIn(open, applyDepsOf(parts));
  if (awaiting !== undefined) return { verb, why: "awaiting-confirmation", awaiting };
  if (open.accept !== undefined) return { verb, why: "unwritten" };
  if (open.blocked) return { verb, why: "way-back-failed" };
  const changedBy = await holderOf(parts);
  if (changedBy !== undefined) return { verb, why: "under-way", changedBy };
  return { verb, why: open.unconfirmed === undefined ? "cut-short" : "not-confirmed" };
}

/** A lock that cannot be opened is nobody's. */
async function holderOf({ whoChanges }: HostParts): Promise<LockingProcess | undefined> {
  try {
    return await whoChanges?.();
  } catch {
    return undefined;
  }
}

/** What is open and why, for programs. Pure. */
export function openChangeOf({ verb, why }: OpenChange): Pick<OpenChange, "verb" | "why"> {
  return { verb, why };
}

/** Why a change is open, in words that a sentence can go on from. Pure. */
export function whyOpen(change: OpenChange): string {
  const what = change.verb === "destroy" ? "a destroy" : "an apply";
  switch (change.why) {
    case "awaiting-confirmation":
      return `generation ${change.awaiting.generation} awaits confirmation`;
    case "unwritten":
      return "that what stands was accepted could not be written yet";
    case "under-way":
      return `${nameOf(change.changedBy)} is changing this machine`;
    case "not-confirmed":
      return "what was on trial was not confirmed in time";
    case "way-back-failed":
      return `${what} and its way back failed`;
    case "cut-short":
      return `${what} was interrupted`;
  }
}

/** Who changes the machine; a process that another pid namespace hides has no number here. Pure. */
export function nameOf({ pid, isStopped }: LockingProcess): string {
  const waking = isStopped ? ` (stopped: kill -CONT ${pid} wakes it)` : "";
  return pid === 0 ? "an awg of another container" : `process ${pid}${waking}`;
}
