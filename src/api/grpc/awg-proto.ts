import { CHANGE_MESSAGES, LIVE_MESSAGES } from "./awg-messages.ts";
import type { MessageOf, Proto } from "./proto.ts";

/** The gRPC interface of awg. schema/awg.proto is this, compared by a test. */
export const AWG_PROTO = {
  package: "awg.v1",
  about: "The gRPC interface of awg on this host. Documents are those of `awg VERB --json` (schema/json).",
  service: "Awg",
  methods: {
    Version: {
      role: "viewer",
      request: "VersionRequest",
      response: "VersionResponse",
      summary: "The version of awg, and the role of the client.",
    },
    Status: {
      role: "viewer",
      request: "StatusRequest",
      response: "StatusResponse",
      summary: "The status of the host, read by the daemon now.",
    },
    Watch: {
      role: "viewer",
      request: "WatchRequest",
      response: "WatchResponse",
      isStream: true,
      summary: "A snapshot, then each change, numbered without a gap.",
    },
    ListTunnels: {
      role: "viewer",
      request: "ListTunnelsRequest",
      response: "ListTunnelsResponse",
      summary: "The tunnels with their state and counters.",
    },
    ListProcesses: {
      role: "viewer",
      request: "ListProcessesRequest",
      response: "ListProcessesResponse",
      summary: "Programs with the rule that applies to each.",
    },
    Explain: {
      role: "viewer",
      request: "ExplainRequest",
      response: "ExplainResponse",
      summary: "The path of a flow, and the rule that chose it.",
    },
    Drift: {
      role: "viewer",
      request: "DriftRequest",
      response: "DriftResponse",
      summary: "Changes outside awg since the last apply.",
    },
    Diff: {
      role: "admin",
      request: "DiffRequest",
      response: "DiffResponse",
      summary: "Differences between config and host.",
    },
    Plan: {
      role: "admin",
      request: "PlanRequest",
      response: "PlanResponse",
      summary: "The steps of an apply. Changes nothing.",
    },
    Apply: {
      role: "admin",
      request: "ApplyRequest",
      response: "ApplyResponse",
      isStream: true,
      summary: "Brings the host to the config. A client that leaves before the end has it undone.",
    },
    Confirm: {
      role: "admin",
      request: "ConfirmRequest",
      response: "ConfirmResponse",
      summary: "Keeps a change that waits for confirmation.",
    },
    Rollback: {
      role: "admin",
      request: "RollbackRequest",
      response: "RollbackResponse",
      summary: "Goes back to an earlier generation.",
    },
    Connect: {
      role: "admin",
      request: "ConnectRequest",
      response: "ConnectResponse",
      summary: "Brings up tunnels that Disconnect took down.",
    },
    Disconnect: {
      role: "admin",
      request: "DisconnectRequest",
      response: "DisconnectResponse",
      summary: "Takes a tunnel down; the kill switch stays.",
    },
    StreamLogs: {
      role: "viewer",
      request: "StreamLogsRequest",
      response: "StreamLogsResponse",
      isStream: true,
      summary: "The daemon's latest log lines, then each new one.",
    },
    GetAutostart: {
      role: "viewer",
      request: "GetAutostartRequest",
      response: "GetAutostartResponse",
      summary: "Whether the daemon starts at boot.",
    },
    SetAutostart: {
      role: "admin",
      request: "SetAutostartRequest",
      response: "SetAutostartResponse",
      summary: "Starts the daemon at boot, or no longer.",
    },
    CheckConflictingServices: {
      role: "viewer",
      request: "CheckConflictingServicesRequest",
      response: "CheckConflictingServicesResponse",
      summary: "Running services of other VPN programs.",
    },
    StopConflictingServices: {
      role: "admin",
      request: "StopConflictingServicesRequest",
      response: "StopConflictingServicesResponse",
      summary: "Stops services that CheckConflictingServices lists.",
    },
    ApplyUpdate: {
      role: "admin",
      request: "ApplyUpdateRequest",
      response: "ApplyUpdateResponse",
      summary: "Not in this version: awg does not update itself.",
    },
  },
  messages: { ...LIVE_MESSAGES, ...CHANGE_MESSAGES },
} as const satisfies Proto;

export type AwgProto = typeof AWG_PROTO;
export type AwgMethod = keyof AwgProto["methods"];

/** A message of the interface, in the JSON form of protobuf. */
export type AwgMessage<M extends keyof AwgProto["messages"]> = MessageOf<AwgProto, M>;
