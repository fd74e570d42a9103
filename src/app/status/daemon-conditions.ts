import type { DaemonRecord } from "../../state/daemon/daemon-file.ts";
import type { Condition } from "./status-report.ts";

/** The conditions with what the running daemon reports: a reason of its own comes first. Pure. */
export function withDaemon(conditions: readonly Condition[], daemon: DaemonRecord | undefined): readonly Condition[] {
  const { stalled, contended } = daemon ?? {};
  const since = (ms: number): Pick<Condition, "since"> => ({ since: new Date(ms).toISOString() });
  const own = conditions.map((condition): Condition => {
    if (condition.type !== "Stalled" || condition.status || stalled === undefined) return condition;
    return {
      type: "Stalled",
      status: true,
      reason: `the daemon reports: ${stalled.reason}`,
      ...since(stalled.sinceMs),
    };
  });
  if (contended === undefined) return own;
  const who = contended.by.length === 0 ? "other programs keep" : `other programs (${contended.by.join("; ")}) keep`;
  const reason = `${who} changing ${contended.keys.join(", ")}`;
  return [...own, { type: "Contended", status: true, reason, ...since(contended.sinceMs) }];
}
