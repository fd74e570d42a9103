import { VERSION } from "../model/version.ts";
import { ACTIONS } from "./actions.ts";

type Json = Record<string, unknown>;

const text = (description: string): Json => ({ type: "string", description });
const json = (schema: Json, description: string): Json => ({
  description,
  content: { "application/json": { schema } },
});
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const problem = (description: string): Json => json(ref("Problem"), description);

/** The description of the HTTP API (OpenAPI 3.1). schema/openapi.json is this, compared by a test. */
export function openApiDocument(): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "awg",
      version: VERSION,
      description: "Status, events and actions of awg on this host, over /run/awg/awg.sock or awg ui.",
    },
    paths: {
      "/api/status": {
        get: {
          summary: "The role of the client and the status of the host.",
          responses: { 200: json(ref("Status"), "Read now."), 503: problem("No daemon answers.") },
        },
      },
      "/api/events": {
        get: {
          summary: "Events as they happen (server-sent events).",
          parameters: [
            { name: "Last-Event-ID", in: "header", schema: text("The id of the last event that was seen.") },
          ],
          responses: {
            200: { description: EVENTS, content: { "text/event-stream": { schema: text("The stream.") } } },
          },
        },
      },
      "/api/log": {
        get: {
          summary: "The events that the daemon still has, the oldest first.",
          responses: { 200: json(ref("Log"), "At most 256."), 503: problem("No daemon answers.") },
        },
      },
      "/api/run": {
        post: {
          summary: "Runs an action and waits for its end.",
          requestBody: { required: true, content: { "application/json": { schema: { oneOf: actions() } } } },
          responses: {
            200: json(ref("RunAnswer"), "It ran; code says how it ended."),
            400: problem("The request is not one of these."),
            403: problem("The role does not allow it."),
          },
        },
      },
      "/metrics": {
        get: {
          summary: "Gauges and counters as OpenMetrics.",
          responses: { 200: { description: "OpenMetrics 1.0." } },
        },
      },
      "/healthz": {
        get: {
          summary: "Whether the daemon answers and can go on.",
          responses: { 200: { description: "ok" }, 503: problem("It does not, or it is stalled.") },
        },
      },
    },
    components: { schemas: SCHEMAS },
  };
}

const EVENTS =
  "snapshot: role, availability and status. vpn-status-changed (and status): the status document. service-state-changed: whether the daemon answers. daemon: any other event of the daemon.";

function actions(): readonly Json[] {
  return Object.entries(ACTIONS).map(([name, { role, parameters, summary }]) => ({
    type: "object",
    description: `${summary} Role: ${role}.`,
    required: ["action"],
    additionalProperties: false,
    properties: {
      action: { const: name },
      params: {
        type: "object",
        additionalProperties: false,
        required: Object.entries(parameters).flatMap(([key, { required }]) => (required === true ? [key] : [])),
        properties: Object.fromEntries(
          Object.entries(parameters).map(([key, parameter]) => [
            key,
            { type: "string", pattern: parameter.pattern.source, description: parameter.summary },
          ]),
        ),
      },
    },
  }));
}

const SCHEMAS: Json = {
  Status: {
    type: "object",
    required: ["role", "available", "status"],
    properties: {
      role: { enum: ["admin", "viewer"] },
      noActions: text("Why this client can run nothing, where its role is not the reason."),
      available: { type: "boolean", description: "Whether the daemon answers." },
      status: { description: "As awg status --json prints it; see json/status.schema.json." },
    },
  },
  Log: {
    type: "object",
    required: ["lines"],
    properties: {
      lines: {
        type: "array",
        items: {
          type: "object",
          required: ["time", "type", "text", "event"],
          properties: {
            time: text("ISO 8601."),
            type: text("Name of the event."),
            text: text("The line for people."),
            event: { type: "object", description: "As awg events --json prints it." },
          },
        },
      },
    },
  },
  RunAnswer: {
    type: "object",
    required: ["code"],
    properties: {
      code: { type: "integer", description: "The exit code of the verb; 0 is success." },
      message: text("The failure and its remedy."),
      data: { description: "The JSON document that the verb prints." },
    },
  },
  Problem: {
    type: "object",
    required: ["code", "message"],
    properties: { code: { type: "integer" }, message: text("The problem and its remedy.") },
  },
};
