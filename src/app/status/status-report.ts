import type { AwgError } from "../../model/error.ts";
import type { RuleDrops } from "../../model/firewall/policy.ts";
import type { RelayState } from "../../model/relay/proxy.ts";
import type { Enforcement, FieldChange, ResourceKey } from "../../model/resource.ts";
import type { Override } from "../../model/resources/desired-state.ts";
import type { EngineSilence } from "../../model/resources/tunnel.ts";
import type { DaemonState } from "../../state/daemon/daemon-state.ts";
import type { Awaiting } from "../apply/awaiting.ts";
import type { Unrecorded } from "./compare-host.ts";
import type { MainRuleMissing } from "./main-rule.ts";
import type { OpenChange } from "./open-change.ts";

/** One resource as `awg status` shows it. */
export interface ResourceStatus {
  readonly key: ResourceKey;
  readonly enforcement: Enforcement;
  readonly ready: boolean;
  readonly drift: readonly FieldChange[];
  readonly summary: string;
  /** For a tunnel with a running engine. */
  readonly tunnel?: TunnelStatus;
  /** For a proxy with a running relay. */
  readonly proxy?: RelayState;
  /** For the packet filter: what it refused since it was loaded. */
  readonly droppedPackets?: number;
  /** For the packet filter: what blocking rules refused of it. */
  readonly droppedByRule?: readonly RuleDrops[];
  /** For a tunnel with a running engine that does not respond. */
  readonly silence?: EngineSilence;
}

/** What a tunnel's engine reports; no secrets. */
export interface TunnelStatus {
  /** The protocol and its generation: "wireguard", "amneziawg 2.0". */
  readonly wire: string;
  readonly peers: readonly PeerStatus[];
  /** Its control socket, where an engine of another network namespace has the shared name. */
  readonly socket?: string;
}

/** One peer as its engine reports it. */
export interface PeerStatus {
  readonly publicKey: string;
  readonly endpoint?: string;
  /** The name of its endpoint, where it did not resolve at the last apply. */
  readonly unresolved?: string;
  /** Since the epoch; 0 means never. */
  readonly lastHandshakeSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** 0 is off. */
  readonly keepaliveSeconds: number;
  /** Initiations sent since the last handshake and since the peer was last heard; absent if the engine does not count them. */
  readonly unansweredHandshakes?: number;
  /** Of the last handshake that this side began; absent if the engine does not measure it. */
  readonly roundTripMs?: number;
  /** Messages from the peer by the gaps in their counters: how many were sent, and how many did not arrive in time. */
  readonly messages?: { readonly expected: number; readonly lost: number };
}

/** What each condition can give as its reason. The names are stable. */
export const CONDITION_REASONS = {
  Ready: ["InPlace", "NothingApplied", "Unrecorded", "NoNetwork", "LoginPage", "NotAsApplied", "Waiting"],
  Reconciling: ["Applying", "Repairing", "ChangedByAnother", "AtRest"],
  Stalled: ["OpenChange", "HeldByAnother", "CannotRepair", "NothingOpen"],
  Protected: ["KillSwitchOn", "Orphaned", "KillSwitchOff", "Paused", "FallbackDirect", "FilterGone", "FilterDamaged"],
  Drifted: ["AsApplied", "ChangedOutside", "ChangeOpen"],
  Contended: ["Fight", "NoFight"],
  ApprovalPending: ["NotConfirmed", "SystemExtension", "NothingPending"],
} as const;

export type ConditionType = keyof typeof CONDITION_REASONS;

/** A condition of the host as a whole. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: boolean;
  readonly reason: (typeof CONDITION_REASONS)[ConditionType][number];
  /** For people. */
  readonly message: string;
  /** The resources that it is about, if it is about some. */
  readonly keys?: readonly string[];
  /** The condition behind this one, if another is its root cause. */
  readonly causedBy?: ConditionType;
  /** ISO 8601: the last apply for an unchanged host, the start of an interrupted apply; absent if the time is unknown. */
  readonly since?: string;
}

/** What `awg down`, `up` or `pause --for` asked for. */
export interface StandingOverride {
  readonly override: Override;
  /** 0: it is over, and no daemon ended it. */
  readonly msLeft: number;
}

/** Everything that `awg status` shows. */
export interface Status {
  readonly generation: number;
  readonly conditions: readonly Condition[];
  readonly resources: readonly ResourceStatus[];
  /** Objects of awg for which no state is accepted; absent if a state is, or there are none. */
  readonly unrecorded?: Unrecorded;
  /** The journal of a change that was interrupted, or that failed together with its rollback. */
  readonly openJournal: string | undefined;
  /** What that change is, or the one that waits for confirmation. */
  readonly openChange?: OpenChange;
  /** A change that is reverted unless it is confirmed in time. */
  readonly awaiting?: Awaiting;
  /** Tunnels that `awg down` took down; absent if there is none. */
  readonly down?: readonly string[];
  /** What was asked for a time; absent if nothing was. */
  readonly override?: StandingOverride;
  /** Down tunnels with another path in use; absent if there is none. */
  readonly fallback?: readonly FallenBack[];
  /** Rules that the config sends direct: "rules/2 (browser)", "default"; absent if there is none. */
  readonly directRules?: readonly string[];
  /** Why the keeper does not respond, and what to do; absent if it does, or none runs. */
  readonly silentKeeper?: AwgError;
  /** What the running daemon does; absent if none runs. */
  readonly daemon?: DaemonState & { readonly pid: number };
  /** Absent if the rule exists, or no policy rule of awg's is needed. */
  readonly mainRuleMissing?: MainRuleMissing;
  /** A reboot removes what is applied, because awg's service does not start at boot. */
  readonly endsAtReboot?: true;
}

/** Traffic that takes another path because its tunnel is down. */
export interface FallenBack {
  readonly device: string;
  /** The name of that tunnel. */
  readonly tunnel: string;
  /** The device of the tunnel that stands in; absent if the traffic goes direct. */
  readonly by?: string;
  /** The name of the tunnel used instead, or "direct". */
  readonly to: string;
  /** As the configuration names them: "rules/2 (browser)", "default". */
  readonly rules: readonly string[];
}
