import type { ProtoMessage } from "./proto.ts";
import { STRUCT } from "./proto.ts";

const config = [1, "string", "Absolute path of the config; that of awg api, or the host's, when empty."] as const;
const confirmWithin = "Time such as 60s: the change is reverted unless it is confirmed in time.";
const tunnel = [1, "string", "Name of a tunnel; all when empty."] as const;
const empty = (summary: string) => ({ summary, fields: {} }) as const;

/** What reads: status, tunnels, programs, flows, log. */
export const LIVE_MESSAGES = {
  VersionRequest: empty("Asks for the version."),
  VersionResponse: {
    summary: "The version of the program that answers.",
    fields: {
      version: [1, "string", "Version of awg."],
      node: [2, "string", "Version of Node."],
      role: [3, "string", "Role of the client: admin or viewer."],
    },
  },
  StatusRequest: empty("Asks for the status."),
  StatusResponse: {
    summary: "The status of the host.",
    fields: {
      generation: [1, "uint64", "The accepted generation; 0 before the first."],
      conditions: [2, "Condition[]", "Ready, Protected, Drifted, Stalled, Reconciling, ApprovalPending, Contended."],
      document: [3, STRUCT, "The document of awg status --json."],
    },
  },
  Condition: {
    summary: "One condition of the host.",
    fields: {
      type: [1, "string", "Its name."],
      status: [2, "bool", "Whether it holds."],
      reason: [3, "string", "One word for programs."],
      since: [4, "string", "ISO 8601; empty if it is not known."],
      message: [5, "string", "For people; the words may change."],
      observed_generation: [6, "uint64", "The generation that the host was compared with."],
      caused_by: [7, "string", "The condition that is its root cause; empty if none is."],
    },
  },
  WatchRequest: {
    summary: "Begins to watch.",
    fields: { after: [1, "string", "Place of the last event that was seen; a snapshot comes first when empty."] },
  },
  WatchResponse: {
    summary: "A snapshot or a change. A gap in the sequence means that the connection was lost.",
    fields: {
      sequence: [1, "uint64", "Counts up by one with each change; a snapshot has that of the last one."],
      place: [2, "string", "For WatchRequest.after."],
      name: [3, "string", "snapshot, vpn-status-changed, service-state-changed or daemon."],
      available: [4, "bool", "In snapshot and service-state-changed: whether the daemon answers."],
      status: [5, STRUCT, "In snapshot and vpn-status-changed: the document of awg status --json."],
      event: [6, STRUCT, "In daemon: one line of awg events --json."],
    },
  },
  ListTunnelsRequest: empty("Asks for the tunnels."),
  ListTunnelsResponse: {
    summary: "The tunnels of the accepted config.",
    fields: { tunnels: [1, "Tunnel[]", "One each."] },
  },
  Tunnel: {
    summary: "A tunnel as its engine reports it. Unknown values are left out.",
    fields: {
      name: [1, "string", "Its key in the config."],
      state: [2, "string", "connected, idle, blocked or down; empty while no engine runs."],
      ready: [3, "bool", "It is as the config says."],
      wire: [4, "string", "Protocol and version: wireguard, amneziawg 2.0."],
      endpoint: [5, "string", "Endpoint of the peer with the latest handshake."],
      handshake_age_seconds: [6, "uint64", "Age of the latest handshake."],
      received_bytes: [7, "uint64", "Sum of all peers."],
      sent_bytes: [8, "uint64", "To all peers."],
      summary: [9, "string", "For people; the words may change."],
    },
  },
  ListProcessesRequest: empty("Asks for the programs."),
  ListProcessesResponse: {
    summary: "Programs that run.",
    fields: {
      processes: [1, "Process[]", "One each."],
      unseen: [2, "string[]", "Unreadable parts, a sentence each."],
    },
  },
  Process: {
    summary: "A process and the first rule that applies to it.",
    fields: {
      pid: [1, "uint64", "Process id."],
      parent_pid: [2, "uint64", "0 where there is none."],
      name: [3, "string", "Name, which the process may change itself."],
      path: [4, "string", "The program's file; empty if it could not be read."],
      user: [5, "string", "Name of its user."],
      rule: [6, "string", "The rule in the config: rules/2 (browser), default."],
      via: [7, "string", "A tunnel, direct or block."],
      enforcement: [8, "string", "enforced, best-effort, advisory or unsupported."],
    },
  },
  ExplainRequest: {
    summary: "Names a flow.",
    fields: {
      destination: [1, "string", "Address or name, with a port or without."],
      program: [2, "string", "A program, by path or name."],
    },
  },
  ExplainResponse: {
    summary: "The path of the flow.",
    fields: {
      agrees: [1, "bool", "Config and kernel agree."],
      document: [2, STRUCT, "The document of awg explain --json."],
    },
  },
  StreamLogsRequest: {
    summary: "Begins to read the log.",
    fields: { follow: [1, "bool", "Go on after the lines that are kept (256)."] },
  },
  StreamLogsResponse: {
    summary: "One line of the daemon's log.",
    fields: {
      time: [1, "string", "ISO 8601."],
      type: [2, "string", "Name of the event: inSync, applying, stalled …"],
      text: [3, "string", "The line."],
      event: [4, STRUCT, "One line of awg events --json."],
    },
  },
  GetAutostartRequest: empty("Asks whether the daemon starts at boot."),
  GetAutostartResponse: {
    summary: "How the daemon's service is installed.",
    fields: {
      enabled: [1, "bool", "It starts at boot."],
      installed: [2, "bool", "awg install was run."],
      running: [3, "bool", "The daemon's service runs."],
    },
  },
  CheckConflictingServicesRequest: empty("Asks for services of other VPN programs."),
  CheckConflictingServicesResponse: {
    summary: "Services that change routes, DNS or the packet filter as awg does.",
    fields: { services: [1, "ConflictingService[]", "One each; none is fine."] },
  },
  ConflictingService: {
    summary: "A running service of another program.",
    fields: {
      name: [1, "string", "Name in the service manager."],
      program: [2, "string", "The program that it belongs to."],
      why: [3, "string", "The resource that both change."],
    },
  },
} as const satisfies Readonly<Record<string, ProtoMessage>>;

/** What plans and changes. */
export const CHANGE_MESSAGES = {
  DriftRequest: empty("Asks for the drift."),
  DriftResponse: {
    summary: "Changes outside awg.",
    fields: {
      drifted: [1, "bool", "Something did."],
      document: [2, STRUCT, "The document of awg drift --json."],
    },
  },
  DiffRequest: { summary: "Names a config.", fields: { config } },
  DiffResponse: {
    summary: "The differences.",
    fields: {
      differs: [1, "bool", "There are some."],
      document: [2, STRUCT, "The document of awg diff --json."],
    },
  },
  PlanRequest: { summary: "Names a config.", fields: { config } },
  PlanResponse: { summary: "The plan.", fields: { document: [1, STRUCT, "The document of awg plan --json."] } },
  ApplyRequest: {
    summary: "Names a config.",
    fields: { config, confirm_within: [2, "string", confirmWithin] },
  },
  ApplyResponse: {
    summary: "The events, and at last the result. A failure ends the stream with its status.",
    fields: {
      sequence: [1, "uint64", "Counts from 1."],
      type: [2, "string", "batch-start, batch-done, verify, heartbeat, result …"],
      event: [3, STRUCT, "One line of awg apply --json-stream."],
      generation: [4, "uint64", "In result: the accepted generation."],
      changed: [5, "bool", "In result: something on the host was changed."],
    },
  },
  ConfirmRequest: empty("Confirms."),
  ConfirmResponse: {
    summary: "The confirmed change.",
    fields: { generation: [1, "uint64", "The generation that stays."] },
  },
  RollbackRequest: {
    summary: "Names a generation.",
    fields: {
      generation: [1, "uint64", "Its number; the last before with a config when 0."],
      confirm_within: [2, "string", confirmWithin],
    },
  },
  RollbackResponse: {
    summary: "The result.",
    fields: {
      generation: [1, "uint64", "The accepted generation."],
      changed: [2, "bool", "Something on the host was changed."],
    },
  },
  ConnectRequest: { summary: "Names a tunnel.", fields: { tunnel } },
  ConnectResponse: {
    summary: "The result.",
    fields: { document: [1, STRUCT, "The document of awg up --json."] },
  },
  DisconnectRequest: { summary: "Names a tunnel.", fields: { tunnel } },
  DisconnectResponse: {
    summary: "The result.",
    fields: { document: [1, STRUCT, "The document of awg down --json."] },
  },
  SetAutostartRequest: {
    summary: "Says what the daemon does at boot.",
    fields: { enabled: [1, "bool", "Start at boot."] },
  },
  SetAutostartResponse: {
    summary: "The new state.",
    fields: { enabled: [1, "bool", "It starts at boot."] },
  },
  StopConflictingServicesRequest: {
    summary: "Names services.",
    fields: { names: [1, "string[]", "Names that CheckConflictingServices gave."] },
  },
  StopConflictingServicesResponse: {
    summary: "The rest after the change.",
    fields: { services: [1, "ConflictingService[]", "Services that still run."] },
  },
  ApplyUpdateRequest: empty("Asks for an update."),
  ApplyUpdateResponse: empty("Never sent in this version."),
  ErrorDetail: {
    summary: "Why a call failed; in the details of its google.rpc.Status (grpc-status-details-bin).",
    fields: {
      exit_code: [1, "int32", "Exit code of the verb (docs/reference/exit-codes.md)."],
      kind: [2, "string", "Stable word: usage, config, permission …"],
      message: [3, "string", "The failure, and where."],
      remedy: [4, "string", "The remedy."],
      facts: [5, STRUCT, "Facts about the error, for programs."],
      problems: [6, "string[]", "Problems of a config with their places: config.yaml:19:1: unknown key …"],
    },
  },
} as const satisfies Readonly<Record<string, ProtoMessage>>;
