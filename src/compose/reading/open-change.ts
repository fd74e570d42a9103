import type { OpenTransaction, Verb } from "../../reconciler/apply/record.ts";
import type { LockingProcess } from "../../state/lock.ts";
import { awaitedIn } from "../generations/awaiting.ts";
import type { Awaiting } from "../session.ts";
import { applyDepsOf, type SessionParts } from "../session-parts.ts";
import { isBetweenStates } from "../verify/while-unchanged.ts";

/** What became of a change that has begun and is not accepted. */
export interface OpenChange {
  /** It is a destroy; else an apply or a rollback. */
  readonly isDestroy?: true;
  readonly wayBackFailed?: true;
  /** It stands and was accepted; that could not be written yet. */
  readonly isUnwritten?: true;
  /** It was on trial, and nobody confirmed it in time. */
  readonly isOverdue?: true;
  /** The process that goes on with it. */
  readonly changedBy?: LockingProcess;
  /** It stands, and waits to be confirmed. */
  readonly awaiting?: Awaiting;
}

/** How the open change stands, if there is one. Reads only. */
export async function readOpenChange(parts: SessionParts, open: OpenTransaction | undefined): Promise<OpenChange> {
  const awaiting = awaitedIn(open, applyDepsOf(parts));
  const isOpen = awaiting === undefined && isBetweenStates(parts, open);
  const holder = isOpen && !open?.blocked ? await holderOf(parts) : undefined;
  return {
    ...(open?.begin.verb === "destroy" ? { isDestroy: true as const } : {}),
    ...(open?.blocked === true ? { wayBackFailed: true as const } : {}),
    ...(open?.accept === undefined ? {} : { isUnwritten: true as const }),
    ...(isOpen && open?.unconfirmed !== undefined ? { isOverdue: true as const } : {}),
    ...(holder === undefined ? {} : { changedBy: holder }),
    ...(awaiting === undefined ? {} : { awaiting }),
  };
}

/** A lock that cannot be opened is nobody's. */
async function holderOf({ whoChanges }: SessionParts): Promise<OpenChange["changedBy"]> {
  try {
    return await whoChanges?.();
  } catch {
    return undefined;
  }
}

/** Why a change is open, for programs. */
export type WhyOpen =
  | "awaiting-confirmation"
  | "unwritten"
  | "under-way"
  | "not-confirmed"
  | "way-back-failed"
  | "cut-short";

/** What is open and why, for programs. Pure. */
export function openChangeOf(change: OpenChange): { readonly verb: Verb; readonly why: WhyOpen } {
  const { isDestroy, wayBackFailed, isUnwritten, isOverdue, changedBy, awaiting } = change;
  const verb = isDestroy ? "destroy" : "apply";
  if (awaiting !== undefined) return { verb, why: "awaiting-confirmation" };
  if (isUnwritten) return { verb, why: "unwritten" };
  if (changedBy !== undefined) return { verb, why: "under-way" };
  if (wayBackFailed) return { verb, why: "way-back-failed" };
  return { verb, why: isOverdue ? "not-confirmed" : "cut-short" };
}

/** Why a change is open, in words that a sentence can go on from. Pure. */
export function whyOpen(change: OpenChange): string {
  const { awaiting, changedBy } = change;
  const { verb, why } = openChangeOf(change);
  switch (why) {
    case "awaiting-confirmation":
      return `generation ${awaiting?.generation} awaits confirmation`;
    case "unwritten":
      return "that what stands was accepted could not be written yet";
    case "under-way":
      return `${nameOf(changedBy ?? { pid: 0 })} is changing this machine`;
    case "not-confirmed":
      return "what was on trial was not confirmed in time";
    case "way-back-failed":
    case "cut-short":
      return `${verb === "destroy" ? "a destroy" : "an apply"} ${why === "cut-short" ? "was cut short" : "and its way back failed"}`;
  }
}

/** Who changes the machine; a process that another pid namespace hides has no number here. Pure. */
export function nameOf({ pid, isStopped }: LockingProcess): string {
  const waking = isStopped ? ` (stopped: kill -CONT ${pid} wakes it)` : "";
  return pid === 0 ? "an awg of another container" : `process ${pid}${waking}`;
}
