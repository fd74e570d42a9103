import type { DaemonRecord } from "../../../state/daemon/daemon-file.ts";
import type { Condition } from "../status-report.ts";

/**
 * The conditions with what the running daemon reports: a reason of its own comes first. Each condition that follows from
 * another names that one, so that a person reads the root cause alone. Pure.
 */
export function withDaemon(conditions: readonly Condition[], daemon: DaemonRecord | undefined): readonly Condition[] {
  const own = conditions.map((condition) => reported(condition, daemon) ?? condition);
  return withCauses([...own, contention(daemon)], daemon);
}

function reported(condition: Condition, { stalled, doing, portal }: Partial<DaemonRecord> = {}): Condition | undefined {
  if (condition.type === "Stalled" && !condition.status && stalled !== undefined) {
    const message = `the daemon reports: ${stalled.reason}`;
    return { type: "Stalled", status: true, reason: "CannotRepair", message, ...since(stalled.sinceMs) };
  }
  const isAtWork = doing?.phase === "applying" || doing?.phase === "repairing";
  if (condition.type === "Reconciling" && isAtWork) {
    const isApply = doing.phase === "applying";
    const message = `the daemon is ${isApply ? "applying the config" : "repairing"}: ${(doing.keys ?? []).join(", ")}`;
    const reason = isApply ? "Applying" : "Repairing";
    return { type: "Reconciling", status: true, reason, message, ...since(doing.sinceMs) };
  }
  const isLoggedOut = portal !== undefined && (condition.status || condition.reason === "Waiting");
  if (condition.type === "Ready" && isLoggedOut) {
    const message = `this network wants a login: ${portal.url}`;
    return { type: "Ready", status: false, reason: "LoginPage", message, ...since(portal.sinceMs) };
  }
  return undefined;
}

function contention({ contended }: Partial<DaemonRecord> = {}): Condition {
  if (contended === undefined) {
    return { type: "Contended", status: false, reason: "NoFight", message: "no other program changes what awg made" };
  }
  const who = contended.by.length === 0 ? "other programs keep" : `other programs (${contended.by.join("; ")}) keep`;
  const message = `${who} changing ${contended.keys.join(", ")}`;
  return { type: "Contended", status: true, reason: "Fight", message, ...since(contended.sinceMs) };
}

/** Which conditions may be behind one that is not good, the most likely first. */
const CAUSES: Partial<Record<Condition["type"], readonly Condition["type"][]>> = {
  Ready: ["Contended", "Stalled", "Reconciling", "Drifted"],
  Protected: ["Contended", "Stalled", "Reconciling", "Drifted"],
  Drifted: ["Contended", "Stalled", "Reconciling", "ApprovalPending"],
};
/** Reasons that have no other condition behind them. */
const ROOTS: ReadonlySet<Condition["reason"]> = new Set([
  "NothingApplied",
  "Unrecorded",
  "NoNetwork",
  "LoginPage",
  "Waiting",
  "KillSwitchOff",
  "Paused",
  "FallbackDirect",
]);

function withCauses(conditions: readonly Condition[], daemon: DaemonRecord | undefined): readonly Condition[] {
  const holds = (type: Condition["type"]): boolean => conditions.some((one) => one.type === type && one.status);
  const fought = daemon?.contended?.keys ?? [];
  return conditions.map((condition) => {
    const { type, status, reason, keys = [] } = condition;
    const isGood = status === (type === "Ready" || type === "Protected");
    if (isGood || ROOTS.has(reason)) return condition;
    // A fight over one resource explains no change of another.
    const isOfFight = keys.length > 0 && keys.every((key) => fought.includes(key));
    const cause = CAUSES[type]?.find((one) => holds(one) && (one !== "Contended" || isOfFight));
    return cause === undefined ? condition : { ...condition, causedBy: cause };
  });
}

function since(ms: number): Pick<Condition, "since"> {
  return { since: new Date(ms).toISOString() };
}
