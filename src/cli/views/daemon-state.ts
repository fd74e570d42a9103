import type { Status } from "../../app/status/status-report.ts";
import type { DocumentOf } from "../documents/documents.ts";
import { passedText } from "./passed.ts";

type RunningDaemon = NonNullable<Status["daemon"]>;
type DaemonActivity = NonNullable<RunningDaemon["doing"]>;

/** What the running daemon does, as a line of the status. */
export function renderDaemon({ pid, doing }: RunningDaemon, nowMs: number): string {
  return `Daemon (process ${pid}): ${doing === undefined ? "starting" : activityText(doing, nowMs)}`;
}

function activityText(
  { phase, sinceMs, keys = [], nextTryMs, filesNotApplied }: DaemonActivity,
  nowMs: number,
): string {
  switch (phase) {
    case "in-sync": {
      const differ = filesNotApplied === true ? "; the config files are not applied" : "";
      return `in sync for ${passedText(sinceMs, nowMs)}${differ}`;
    }
    case "waiting": {
      const seconds = Math.max(0, Math.ceil(((nextTryMs ?? nowMs) - nowMs) / 1000));
      return `tries again in ${seconds} s`;
    }
    case "looking":
      return "reading the host";
    case "applying":
    case "repairing":
      return `${phase === "applying" ? "applying the config" : "repairing"}: ${keys.join(", ")}`;
  }
}

/** The same for programs. */
export function daemonDocument(daemon: RunningDaemon | undefined): DocumentOf<"status">["daemon"] {
  if (daemon === undefined) return null;
  const { pid, doing, down = [], files = [], entryLines = {} } = daemon;
  return {
    pid,
    phase: doing?.phase ?? "starting",
    since: doing === undefined ? null : new Date(doing.sinceMs).toISOString(),
    keys: doing?.keys ?? [],
    nextTry: doing?.nextTryMs === undefined ? null : new Date(doing.nextTryMs).toISOString(),
    filesNotApplied: doing?.filesNotApplied === true,
    down,
    files,
    lines: entryLines,
  };
}
