import type { Verb } from "../../reconciler/journal/journal-record.ts";
import type { OpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { LockingProcess } from "../../state/lock.ts";
import { type Awaiting, awaitedIn } from "../apply/awaiting.ts";
import { applyDepsOf, type HostParts } from "../parts.ts";

/** A change that has begun and is not accepted; a rollback is an apply too. */
export type OpenChange = { readonly verb: Verb } & (
  | { readonly why: "awaiting-confirmation"; readonly awaiting: Awaiting }
  /** A process is working on it, or was stopped while it did. */
  | { readonly why: "under-way"; readonly changedBy: LockingProcess }
  /**
   * It is done and only its acceptance has to be saved; it was not confirmed in time
   * (or before a reboot) and is not reverted yet; its rollback failed; or it was interrupted.
   */
  | { readonly why: "unwritten" | "not-confirmed" | "rollback-failed" | "cut-short" }
);

/** Reads the state of the open change. Changes nothing. */
export async function readOpenChange(parts: HostParts, open: OpenTransaction): Promise<OpenChange> {
  const { verb } = open.begin;
  const awaiting = awaitedIn(open, applyDepsOf(parts));
  if (awaiting !== undefined) return { verb, why: "awaiting-confirmation", awaiting };
  if (open.accept !== undefined) return { verb, why: "unwritten" };
  if (open.blocked) return { verb, why: "rollback-failed" };
  const changedBy = await holderOf(parts);
  if (changedBy !== undefined) return { verb, why: "under-way", changedBy };
  return { verb, why: open.unconfirmed === undefined ? "cut-short" : "not-confirmed" };
}

/** A lock that cannot be opened has no holder. */
async function holderOf({ whoChanges }: HostParts): Promise<LockingProcess | undefined> {
  try {
    return await whoChanges?.();
  } catch {
    return undefined;
  }
}

/** The open change and the reason, for programs. Pure. */
export function openChangeOf({ verb, why }: OpenChange): Pick<OpenChange, "verb" | "why"> {
  return { verb, why };
}

/** Why a change is open, as the start of a sentence. Pure. */
export function whyOpen(change: OpenChange): string {
  const what = change.verb === "destroy" ? "a destroy" : "an apply";
  switch (change.why) {
    case "awaiting-confirmation":
      return `generation ${change.awaiting.generation} awaits confirmation`;
    case "unwritten":
      return "the acceptance of the last change could not be saved yet";
    case "under-way":
      return `${nameOf(change.changedBy)} is changing this host`;
    case "not-confirmed":
      return "the last change was not confirmed in time";
    case "rollback-failed":
      return `${what} and its rollback failed`;
    case "cut-short":
      return `${what} was interrupted`;
  }
}

/** The process that changes the host; without a number if it is in another pid namespace. Pure. */
export function nameOf({ pid, isStopped }: LockingProcess): string {
  const waking = isStopped ? ` (stopped: kill -CONT ${pid} resumes it)` : "";
  return pid === 0 ? "an awg of another container" : `process ${pid}${waking}`;
}
