import { AwgError } from "../model/error.ts";

/**
 * The protocol of the daemon's socket: JSON lines. A client writes questions with ids of its own, and gets lines with
 * the id of the question that they answer.
 */

/** Bytes of a question, with its newline. */
export const MAX_QUESTION_BYTES = 64 * 1024;

/** Milliseconds between two heartbeats of a watch. */
export const HEARTBEAT_MS = 5_000;

/**
 * state: what the daemon does. status: the document of `awg status --json`. watch: both, then each event. `after` is the
 * place of the last event that the client saw: it gets the later ones instead of a snapshot, if they are still kept.
 */
export type DaemonQuestion =
  | { readonly id: number; readonly ask: "state" | "status" }
  | { readonly id: number; readonly ask: "watch"; readonly after?: string }
  /** What the daemon logs from now on; for admins. */
  | { readonly id: number; readonly ask: "log-level"; readonly level: LogLevel; readonly component?: LogComponent };

/** Instead of a place: every event that the daemon still has. */
export const FROM_THE_OLDEST = "oldest";

/** Names of the questions. */
export const DAEMON_QUESTIONS = ["state", "status", "watch", "log-level"] as const;

/** Levels of the daemon's log, the gravest first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The parts of awg that log lines name. */
export const LOG_COMPONENTS = ["Core", "Router", "AWG", "Proxy", "Rule"] as const;
export type LogComponent = (typeof LOG_COMPONENTS)[number];

/** One line of the daemon. */
export type DaemonLine =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string }
  /** The first line of a watch, unless it continues an earlier one. */
  | { readonly id: number; readonly place: string; readonly snapshot: DaemonSnapshot }
  | { readonly id: number; readonly place: string; readonly event: DaemonEvent }
  /** All that happened before the question was sent. */
  | { readonly id: number; readonly place: string; readonly caughtUp: true }
  | { readonly id: number; readonly heartbeat: true };

/** What a client that begins to watch gets. */
export interface DaemonSnapshot {
  /** The process and what it does (model/daemon-state.ts). */
  readonly state: unknown;
  /** The document of `awg status --json`; null if it could not be read. */
  readonly status: unknown;
}

/** A report of the daemon (`awg daemon --json`), or `{type: "status", status}` when the status changed. */
export interface DaemonEvent {
  readonly type: string;
  /** ISO 8601, by the wall clock. */
  readonly at: string;
}

/**
 * Reads one question.
 *
 * @throws AwgError usage, saying what is wrong
 */
export function parseQuestion(line: string): DaemonQuestion {
  const value = readJson(line);
  const { id, ask, after, ...rest } = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof id !== "number" || !Number.isSafeInteger(id)) throw refused("a question needs a whole number as id");
  if (ask === "state" || ask === "status") return { id, ask };
  if (ask === "log-level") return { id, ask, ...logLevelIn(rest) };
  if (ask !== "watch") throw refused(`ask one of ${DAEMON_QUESTIONS.join(", ")}`);
  if (after !== undefined && (typeof after !== "string" || after.length > 64)) {
    throw refused("after is the place of an event, as text");
  }
  return { id, ask, ...(after === undefined ? {} : { after }) };
}

function logLevelIn(asked: Readonly<Record<string, unknown>>): { level: LogLevel; component?: LogComponent } {
  const level = LOG_LEVELS.find((one) => one === asked["level"]);
  const component = LOG_COMPONENTS.find((one) => one === asked["component"]);
  if (level === undefined) throw refused(`level is one of ${LOG_LEVELS.join(", ")}`);
  if (asked["component"] !== undefined && component === undefined) {
    throw refused(`component is one of ${LOG_COMPONENTS.join(", ")}`);
  }
  return { level, ...(component === undefined ? {} : { component }) };
}

/** The line of the daemon as it goes over the socket. */
export function renderLine(line: DaemonLine): string {
  return `${JSON.stringify(line)}\n`;
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw refused("a question is one line of JSON");
  }
}

function refused(message: string): AwgError {
  return new AwgError("usage", message);
}
