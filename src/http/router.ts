import type { IncomingMessage, ServerResponse } from "node:http";
import { parseRunRequest } from "../api/actions.ts";
import { openApiDocument } from "../api/openapi.ts";
import type { Role } from "../api/role.ts";
import { AwgError, type ErrorKind, messageOf } from "../model/error.ts";
import { answerJson, answerProblem, answerText } from "./answers.ts";
import type { DaemonFeed } from "./daemon-feed.ts";
import { streamEvents } from "./event-stream.ts";
import { type MeasuredCounts, type MeasuredStatus, OPEN_METRICS, renderMetrics } from "./metrics.ts";
import { readJsonBody } from "./read-body.ts";
import type { ActionRunner } from "./run-action.ts";

/** What the routes answer from. */
export interface ApiParts {
  readonly feed: DaemonFeed;
  /** The document of `awg status --json`, read by the daemon now; throws while none answers. */
  readonly status: () => Promise<unknown>;
  /** What the daemon does and how often it did it; absent where it is not known. */
  readonly state?: () => Promise<unknown>;
  /** The lines of the daemon's log that are kept, and with `follow` each new one until the signal. */
  readonly readLog: (follow: boolean, signal: AbortSignal) => AsyncIterable<LogLine>;
  /** Absent where no verb may be run. */
  readonly runner?: ActionRunner;
  /** Why no verb can be run, where the client's role is not the reason. */
  readonly noActions?: string;
}

/** One line of the daemon's log. */
export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  /** Name of the event. */
  readonly type: string;
  /** The line for people, without its time. */
  readonly text: string;
  /** The event as `awg events --json` prints it. */
  readonly event: Readonly<Record<string, unknown>>;
}

/** HTTP statuses of errors; what is not listed is an internal one. */
const STATUS_OF: Partial<Record<ErrorKind, number>> = { usage: 400, permission: 403, locked: 409, unreachable: 503 };

/** Answers a request of a client with this role; false if no route has this path. */
export async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  role: Role,
  parts: ApiParts,
): Promise<boolean> {
  const [path = ""] = (request.url ?? "").split("?");
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) return false;
  if (request.method !== route.method && !(request.method === "HEAD" && route.method === "GET")) {
    answerProblem(response, 405, `use ${route.method}`);
    return true;
  }
  try {
    await route.answer({ request, response, role, parts });
  } catch (error) {
    const status = (error instanceof AwgError ? STATUS_OF[error.kind] : undefined) ?? 500;
    if (!response.headersSent) answerProblem(response, status, messageOf(error));
    else response.destroy();
  }
  return true;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly role: Role;
  readonly parts: ApiParts;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (call: Call) => Promise<void> | void;
}

/** What a client may do, and why not more. */
function clientOf(role: Role, { noActions }: ApiParts): { readonly role: Role; readonly noActions?: string } {
  return { role, ...(noActions === undefined ? {} : { noActions }) };
}

const ROUTES: Readonly<Record<string, Route>> = {
  "/api/status": {
    method: "GET",
    answer: async ({ response, role, parts }) =>
      answerJson(response, 200, { ...clientOf(role, parts), available: true, status: await parts.status() }),
  },
  "/api/events": {
    method: "GET",
    answer: ({ request, response, role, parts }) => streamEvents(request, response, parts.feed, clientOf(role, parts)),
  },
  "/api/log": {
    method: "GET",
    answer: async ({ response, parts }) => {
      const left = new AbortController();
      response.once("close", () => left.abort());
      answerJson(response, 200, { lines: await Array.fromAsync(parts.readLog(false, left.signal)) });
    },
  },
  "/api/run": {
    method: "POST",
    answer: async ({ request, response, role, parts }) => {
      if (parts.runner === undefined) {
        throw new AwgError("permission", parts.noActions ?? "nothing can be run here", {
          remedy: "ask awg.sock, or run awg ui as an admin",
        });
      }
      const asked = parseRunRequest(await readJsonBody(request));
      const left = new AbortController();
      response.once("close", () => left.abort());
      answerJson(response, 200, await parts.runner.run(asked, role, left.signal));
    },
  },
  "/metrics": {
    method: "GET",
    answer: async ({ response, parts }) => {
      const [status, state] = await Promise.all([
        parts.status().catch(() => null),
        parts.state?.().catch(() => undefined),
      ]);
      const { counts } = (state ?? {}) as { readonly counts?: MeasuredCounts };
      answerText(response, 200, OPEN_METRICS, renderMetrics(status as MeasuredStatus | null, counts));
    },
  },
  "/healthz": {
    method: "GET",
    answer: async ({ response, parts }) => {
      const status = (await parts.status()) as MeasuredStatus;
      const stalled = status.conditions.find(({ type }) => type === "Stalled")?.status === true;
      if (stalled) answerProblem(response, 503, "the daemon cannot bring the host to its config; see awg status");
      else answerText(response, 200, "text/plain", "ok\n");
    },
  },
  "/api/openapi.json": {
    method: "GET",
    answer: ({ response }) => answerJson(response, 200, openApiDocument()),
  },
};
