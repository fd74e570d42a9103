import type { Family } from "../ip.ts";

/**
 * The whole packet policy of the machine as data, free of any firewall's language (docs/security.md is its meaning in
 * prose). nftables and PF are rendered from it, `evaluate.ts` judges packets by it, and all three must agree.
 */
export interface FirewallPolicy {
  /** Chooses the path of each flow that starts here: first match wins; sets the packet's mark, hence its route. */
  readonly steering: Steering;
  /** A packet leaves or enters only where every layer accepts it. One in a steady state; old and new during a flip. */
  readonly layers: readonly PolicyLayer[];
}

/**
 * Where a flow goes. `number` is the path number of ownership.ts. With `fallback` it goes directly while somebody who
 * watches the tunnel says that it is down (docs/security.md S4.9); otherwise what cannot take its tunnel is dropped.
 */
export type PathRef =
  | { readonly kind: "tunnel"; readonly device: string; readonly number: number; readonly fallback?: "direct" }
  | { readonly kind: "direct" }
  | { readonly kind: "block" };

export interface PortRange {
  /** Both ends included. */
  readonly from: number;
  readonly to: number;
}

/** What selects a flow. Fields are AND-ed, values of one field OR-ed, an absent field selects everything. */
export interface FlowMatch {
  /** Canonical prefixes of both families. */
  readonly destinations?: readonly string[];
  /** IP protocol number. */
  readonly protocol?: number;
  /** Destination ports; a later fragment, which has none, never matches. */
  readonly ports?: readonly PortRange[];
  /** Owner of the sending socket; both ends included. */
  readonly uids?: readonly PortRange[];
}

export interface FlowRule {
  /** Where the configuration says so: "rules/2 (browser)"; for people. */
  readonly origin: string;
  readonly match: FlowMatch;
  readonly path: PathRef;
}

export interface Steering {
  readonly rules: readonly FlowRule[];
  readonly default: PathRef;
}

/** A tunnel as the filter sees it. */
export interface PolicyTunnel {
  readonly device: string;
  readonly number: number;
  /** Our addresses inside it, without length; they may never appear on a physical link. */
  readonly addresses: readonly string[];
  /** Families the tunnel carries. */
  readonly families: readonly Family[];
}

/** The outside of a tunnel: outgoing to address, port and protocol, by our uid and mark only. */
export interface EndpointGrant {
  readonly address: string;
  readonly port: number;
  readonly protocol: 6 | 17;
}

/** A tunnel that listens: our local UDP port, our uid and mark, any remote. */
export interface ListenGrant {
  readonly port: number;
}

/** A stated exception (`killSwitch.allow`). */
export interface AllowGrant {
  readonly direction: "in" | "out";
  readonly protocol?: number;
  /** Local ports for `in`, remote ports for `out`. */
  readonly ports?: readonly PortRange[];
  /** The other side. */
  readonly prefixes?: readonly string[];
}

export interface DnsPolicy {
  /** With leak protection port 53 and 853 pass only to these, by the path that steering gives them. */
  readonly leakProtection: boolean;
  readonly servers: readonly string[];
  /** The path of queries to the servers; it precedes every rule. */
  readonly path: PathRef;
  readonly blockEncrypted: boolean;
}

/** One complete policy. */
export interface PolicyLayer {
  /** Off: only `block` rules, DNS protection and tunnel-source protection bind; the rest passes. */
  readonly killSwitch: boolean;
  readonly tunnels: readonly PolicyTunnel[];
  readonly flows: Steering;
  readonly endpoints: readonly EndpointGrant[];
  readonly listens: readonly ListenGrant[];
  /** Servers that our own uid may ask before any tunnel stands. */
  readonly bootstrapDns: readonly string[];
  readonly serviceUid: number;
  /** Users of engines that were taken over from other programs: their sockets may bear our engine mark, too. */
  readonly adoptedUids?: readonly number[];
  readonly allowLan: boolean;
  readonly allow: readonly AllowGrant[];
  readonly dns: DnsPolicy | null;
}

/** The users whose sockets are our engines' when they bear the engine mark (docs/security.md S3.1, S3.2). */
export function engineUids({ serviceUid, adoptedUids = [] }: PolicyLayer): readonly number[] {
  return [serviceUid, ...adoptedUids];
}

/** What the machine's packet filter holds of ours. */
export interface FirewallObserved {
  /** The policy loaded now, when our tables are whole and as we loaded them; null when there is none of ours. */
  readonly policy: FirewallPolicy | null;
  /** Somebody changed, removed or broke part of our tables: what, for people. The policy must be loaded again. */
  readonly damage: readonly string[];
  /** Whether a live keeper owns the tables, so that nobody else's flush removes them. */
  readonly held: boolean;
  /** Whether this kernel lets a process own tables at all; absent when the reader does not know. */
  readonly holdable?: boolean;
  /** Packets dropped since the tables were loaded. */
  readonly droppedPackets: number;
  /** Path numbers of the tunnels whose fallback is in force now; absent where none is. */
  readonly fallback?: readonly number[];
  /** Bridges whose ports are all taken for guests' (docs/security.md S9.4); absent where there is none, or no policy. */
  readonly guestBridges?: readonly string[];
}
