import type { StreamEvent } from "../events/event-parser.ts";

/**
 * How a client keeps in touch with awg, as a machine without a clock or a socket. Whoever drives it carries out the
 * effects, and puts in nothing of an attempt that it was asked to close.
 */

/** Milliseconds of the timers, and of the debounce in status-view.ts. */
export const TIMES = { reconnectMs: 3_000, idleMs: 15_000, pollMs: 2_000, pendingMs: 400 } as const;

export interface Link {
  /** polling: the server has no events. */
  readonly phase: "stopped" | "opening" | "streaming" | "waiting" | "polling";
  /** Whether a daemon answers; undefined until it is known. */
  readonly available?: boolean;
  /** Whether a status came since the start: then the answer to the first query is old. */
  readonly hasStatus: boolean;
  readonly lastEventId?: string;
}

export type LinkInput =
  | { readonly type: "start" }
  | { readonly type: "stop" }
  | { readonly type: "opened" }
  | { readonly type: "bytes" }
  | { readonly type: "noEvents" }
  | { readonly type: "timer" }
  | { readonly type: "event"; readonly event: StreamEvent }
  | { readonly type: "lost" | "askFailed"; readonly message: string }
  | { readonly type: "asked"; readonly status: unknown };

export type LinkEffect =
  /** Open the stream and follow it. */
  | { readonly do: "open"; readonly lastEventId?: string }
  /** End the stream and every query. */
  | { readonly do: "close" }
  /** Query the status once. */
  | { readonly do: "ask" }
  /** Replace the timer; undefined: none. */
  | { readonly do: "timer"; readonly time: "reconnectMs" | "idleMs" | "pollMs" | undefined }
  | { readonly do: "available"; readonly available: boolean; readonly message?: string }
  | { readonly do: "status"; readonly status: unknown }
  | { readonly do: "event"; readonly event: unknown };

export interface LinkStep {
  readonly link: Link;
  readonly effects: readonly LinkEffect[];
}

export const STOPPED: Link = { phase: "stopped", hasStatus: false };

/** The next state of the link, and what is to be done. Pure. */
export function stepLink(link: Link, input: LinkInput): LinkStep {
  if (input.type === "start") {
    return link.phase === "stopped" ? opening(STOPPED, [{ do: "ask" }]) : { link, effects: [] };
  }
  if (link.phase === "stopped") return { link, effects: [] };
  switch (input.type) {
    case "stop":
      return { link: STOPPED, effects: [{ do: "close" }, { do: "timer", time: undefined }] };
    case "opened":
      return { link: { ...link, phase: "streaming" }, effects: [{ do: "timer", time: "idleMs" }] };
    case "bytes":
      return { link, effects: [{ do: "timer", time: "idleMs" }] };
    case "event":
      return onEvent(link, input.event);
    case "noEvents":
      return {
        link: { ...link, phase: "polling" },
        effects: [{ do: "close" }, { do: "timer", time: undefined }, { do: "ask" }],
      };
    case "lost":
      return lost(link, input.message);
    case "askFailed":
      return link.phase === "polling" ? lost(link, input.message) : { link, effects: [] };
    case "asked":
      return onAnswer(link, input.status);
    case "timer":
      return onTimer(link);
    default:
      return input satisfies never;
  }
}

function opening(link: Link, more: readonly LinkEffect[] = []): LinkStep {
  const { lastEventId } = link;
  const open = { do: "open", ...(lastEventId === undefined ? {} : { lastEventId }) } as const;
  return { link: { ...link, phase: "opening" }, effects: [open, { do: "timer", time: "idleMs" }, ...more] };
}

function lost(link: Link, message: string): LinkStep {
  const gone = available(link, false, message);
  return {
    link: { ...gone.link, phase: "waiting" },
    effects: [{ do: "close" }, { do: "timer", time: "reconnectMs" }, ...gone.effects],
  };
}

function onTimer(link: Link): LinkStep {
  if (link.phase === "waiting") return opening(link);
  if (link.phase === "polling") return { link, effects: [{ do: "ask" }] };
  return lost(link, "awg sent nothing for 15 s");
}

/** The first query only fills the gap until the stream's first status. */
function onAnswer(link: Link, status: unknown): LinkStep {
  const isPolling = link.phase === "polling";
  if (!isPolling && (link.hasStatus || link.phase === "waiting")) return { link, effects: [] };
  const known = available(link, true);
  const effects: LinkEffect[] = [...known.effects, { do: "status", status }];
  if (isPolling) effects.push({ do: "timer", time: "pollMs" });
  return { link: { ...known.link, hasStatus: true }, effects };
}

function onEvent(link: Link, { name, data, id }: StreamEvent): LinkStep {
  const isRepeated = name === "status" && id !== undefined && id === link.lastEventId;
  const next: Link = id === undefined ? link : { ...link, lastEventId: id };
  const value = readJson(data);
  if (value === undefined || isRepeated) return { link: next, effects: [] };
  switch (name) {
    case "snapshot": {
      const { available: answers, status } = (value ?? {}) as { readonly available?: unknown; status?: unknown };
      const known = available(next, answers === true, answers === true ? undefined : NO_DAEMON);
      if (status === null || status === undefined) return known;
      return { link: { ...known.link, hasStatus: true }, effects: [...known.effects, { do: "status", status }] };
    }
    case "vpn-status-changed":
    case "status":
      return value === null
        ? { link: next, effects: [] }
        : { link: { ...next, hasStatus: true }, effects: [{ do: "status", status: value }] };
    case "service-state-changed": {
      const answers = (value as { readonly available?: unknown } | null)?.available === true;
      return available(next, answers, answers ? undefined : NO_DAEMON);
    }
    case "daemon":
      return { link: next, effects: [{ do: "event", event: value }] };
    default:
      return { link: next, effects: [] };
  }
}

const NO_DAEMON = "no daemon answers; start it: awg service start";

function available(link: Link, now: boolean, message?: string): LinkStep {
  if (link.available === now) return { link, effects: [] };
  return {
    link: { ...link, available: now },
    effects: [{ do: "available", available: now, ...(message === undefined ? {} : { message }) }],
  };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
