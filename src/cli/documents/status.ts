import { z } from "zod";
import {
  enforcement,
  facts,
  fieldChange,
  formatVersion,
  list,
  note,
  openChange,
  resourceKey,
  resourceKind,
  time,
} from "./common.ts";

const openJournal = z.string().nullable().describe("File of the journal of a change that has not ended.");

const peer = z
  .object({
    publicKey: z.string(),
    endpoint: z.string().nullable(),
    lastHandshake: time.nullable(),
    handshakeAgeSeconds: z.int().nullable(),
    receivedBytes: z.int(),
    sentBytes: z.int(),
    roundTripMs: z.number().nullable().describe("Round trip of the last handshake that this end began."),
    messagesExpected: z.int().nullable().describe("Messages that the peer sent, by its counters."),
    messagesLost: z.int().nullable().describe("How many of them did not arrive."),
  })
  .meta({ id: "Peer", description: "Unknown values are null." });

const proxy = z
  .object({
    state: z.enum(["unknown", "up", "down"]).describe("Whether the proxy answered the last time."),
    latencyMs: z.number().nullable().describe("To the proxy's first answer."),
    udp: z.boolean().nullable().describe("Whether the proxy carries UDP."),
    reason: z.string().nullable().describe("Why it is down. For people; the words may change."),
    localAddress: z.string().nullable().describe("The host's address of the last connection to the proxy."),
    openConnections: z.int(),
    connections: z.int(),
    openSessions: z.int().describe("Open UDP sessions."),
    refused: z.int().describe("Refused by the proxy, or because the relay was full."),
    sentBytes: z.int().describe("Bytes of closed connections and of datagrams."),
    receivedBytes: z.int(),
  })
  .meta({ id: "Proxy", description: "Unknown values are null." });

const resourceStatus = z
  .object({
    key: resourceKey,
    enforcement,
    ready: z.boolean(),
    drift: list(fieldChange),
    summary: z.string().describe("For people; the words may change."),
    silentEngine: z
      .object({ pid: z.int(), message: z.string() })
      .exactOptional()
      .describe("The tunnel's engine runs and does not respond."),
    tunnel: z
      .object({
        state: z
          .enum(["connected", "idle", "blocked", "down"])
          .describe(
            "connected: a peer answers. idle: nothing is sent. blocked: no peer answers. down: a fallback is in use.",
          ),
        wire: z.string().describe("Protocol and version: wireguard, amneziawg 2.0."),
        peers: list(peer),
        socket: z
          .string()
          .exactOptional()
          .describe("The control socket, where an engine of another network namespace has the shared name."),
      })
      .exactOptional()
      .describe("Present while the tunnel's engine runs."),
    proxy: proxy.exactOptional().describe("Present while the proxy's relay runs."),
    droppedPackets: z.int().exactOptional().describe("Packets that the filter refused since it was loaded."),
    droppedByRule: list(
      z.object({
        rule: z.string().describe("Its place and name: rules/2 (browser), or default."),
        packets: z.int(),
      }),
    )
      .exactOptional()
      .describe("Packets that each blocking rule refused. A load of the filter begins at 0. Linux only."),
  })
  .meta({ id: "ResourceStatus" });

const TYPES = ["Ready", "Protected", "Drifted", "Stalled", "Reconciling", "ApprovalPending", "Contended"] as const;

/** By condition, in the order of TYPES. */
const REASONS = [
  ...["InPlace", "NothingApplied", "Unrecorded", "NoNetwork", "LoginPage", "NotAsApplied", "Waiting"],
  ...["KillSwitchOn", "Orphaned", "KillSwitchOff", "Paused", "FallbackDirect", "FilterGone", "FilterDamaged"],
  ...["AsApplied", "ChangedOutside", "ChangeOpen"],
  ...["OpenChange", "HeldByAnother", "CannotRepair", "NothingOpen"],
  ...["Applying", "Repairing", "ChangedByAnother", "AtRest"],
  ...["NotConfirmed", "SystemExtension", "NothingPending"],
  ...["Fight", "NoFight"],
] as const;

const condition = z
  .object({
    type: z.enum(TYPES),
    status: z.boolean(),
    reason: z.enum(REASONS).describe("One word for programs."),
    message: z.string().describe("For people; the words may change."),
    since: time.nullable().describe("Null where the time is not known."),
    observedGeneration: z.int().describe("The generation that the host was compared with."),
    causedBy: z.enum(TYPES).nullable().describe("The condition that is its root cause, if another is."),
  })
  .meta({ id: "Condition" });

/** What a running daemon does. */
export const daemonState = z
  .object({
    pid: z.int(),
    phase: z
      .enum(["starting", "looking", "applying", "repairing", "in-sync", "waiting"])
      .describe("waiting: it tries again at nextTry. in-sync: the host is as accepted."),
    since: time.nullable().describe("When the phase began."),
    keys: list(z.string()).describe("Resources that are being changed."),
    nextTry: time.nullable(),
    filesNotApplied: z.boolean().describe("The config files differ from the accepted config."),
    down: list(z.string()).describe("Devices of tunnels that are down."),
    files: list(z.string()).describe("Config files and folders that it follows."),
    lines: z
      .record(z.string(), z.string())
      .describe(
        "The place of the default, of each tunnel and of each rule, as file:line: under default, tunnels/NAME, rules/NUMBER or rules/NUMBER (NAME). Empty while the files have errors.",
      ),
  })
  .meta({ id: "DaemonState" });

export const statusDocument = z
  .object({
    formatVersion: formatVersion,
    generation: z.int().describe("The accepted generation; 0 before the first."),
    conditions: list(condition),
    resources: list(resourceStatus),
    unrecorded: list(resourceKey).describe(
      "Objects of awg on the host for which the state folder has no record; empty where a state is accepted.",
    ),
    openJournal,
    openChange: openChange.nullable(),
    fallback: list(
      z.object({
        device: z.string(),
        by: z.string().nullable().describe("The device of the tunnel used instead; null: direct."),
        rules: list(z.string()),
        tunnel: z.string().describe("The name of the tunnel that is down."),
        to: z.string().describe("The name of the tunnel used instead, or direct."),
      }),
    ).describe("Tunnels that are down, and where the traffic of which rules goes until they are up."),
    directRules: list(z.string()).describe(
      "Rules that the config sends direct, by place and name: rules/2 (backup). default: all other traffic, too.",
    ),
    down: list(z.string()).describe("Tunnels that awg down took down."),
    override: z
      .object({
        what: z.enum(["down", "up", "pause", "portal"]),
        url: z.string().nullable(),
        until: time,
        secondsLeft: z.int(),
      })
      .nullable()
      .describe(
        "The state that holds for a time: awg down, up or pause --for, or the login page at url. 0 seconds: it is over, and no daemon ended it.",
      ),
    silentKeeper: z
      .object({
        pid: z.union([z.string(), z.number(), z.boolean(), list(z.string())]).nullable(),
        message: z.string(),
        remedy: z.string().nullable(),
      })
      .nullable()
      .describe("The keeper runs and does not respond."),
    mainRuleMissing: z
      .object({ families: list(z.union([z.literal(4), z.literal(6)])), message: z.string(), remedy: list(z.string()) })
      .nullable()
      .describe("The kernel's own policy rule lookup main is missing."),
    endsAtReboot: z.boolean().describe("A reboot removes what is applied: awg's service does not start at boot."),
    daemon: daemonState.nullable().describe("The running daemon; null if none runs."),
    awaitingConfirmation: z.object({ generation: z.int(), secondsLeft: z.number() }).nullable(),
  })
  .describe("Conditions of the host, and the state of each resource.");

const DRIFT_CAUSES = [
  "reboot",
  "link-gone",
  "keeper-gone",
  "engine-gone",
  "engine-silent",
  "peer-roamed",
  "file-rewritten",
  "open-change",
  "unknown",
] as const;

export const driftDocument = z
  .object({
    formatVersion: formatVersion,
    generation: z.int().describe("The accepted generation; 0 before the first."),
    drifted: z.boolean(),
    drift: list(
      z
        .object({
          key: resourceKey,
          kind: resourceKind,
          change: z
            .enum(["gone", "changed", "extra"])
            .describe("extra: it carries awg's mark and no accepted state has it."),
          cause: z.enum(DRIFT_CAUSES),
          fields: list(fieldChange).describe("From the accepted value to the one found."),
        })
        .meta({ id: "Drift" }),
    ),
    recorded: z.boolean().describe("False: awg's objects are on the host, and the state folder has no record of them."),
    notes: list(note),
    openJournal,
    openChange: openChange.nullable(),
  })
  .describe("Changes outside awg since the last accepted state.");

const generation = z
  .object({
    number: z.int(),
    holds: z.boolean().describe("It is the present one."),
    accepted: time,
    configHash: z.string(),
    changes: z
      .object({ added: list(z.string()), changed: list(z.string()), removed: list(z.string()) })
      .nullable()
      .describe("Keys of resources against the generation before. Null where that one is not kept or not readable."),
    beforeUnreadable: z.boolean().describe("The generation before cannot be read."),
  })
  .meta({ id: "Generation" });

const unreadableGeneration = z
  .object({
    number: z.int(),
    holds: z.boolean().describe("It is the present one."),
    error: z.object({ kind: z.string(), message: z.string(), remedy: z.string().exactOptional(), facts }),
  })
  .meta({ id: "UnreadableGeneration" });

export const historyDocument = z
  .object({ formatVersion: formatVersion, generations: list(z.union([generation, unreadableGeneration])) })
  .describe("The generations that are kept, oldest first.");

export const getDocument = z
  .object({
    formatVersion: formatVersion,
    resources: list(
      z
        .object({
          key: resourceKey,
          kind: resourceKind,
          spec: z.unknown().describe("Fields of this kind. Secrets are replaced by a fingerprint."),
        })
        .meta({ id: "Resource" }),
    ),
  })
  .describe("Resources as the host has them, or with --desired as accepted.");
