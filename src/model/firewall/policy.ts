import type { Family } from "../ip.ts";

/**
 * The packet policy of the host as data, independent of nftables and PF (docs/reference/security-rules.md gives its meaning).
 * nftables and PF rules are rendered from it and `evaluate.ts` judges packets by it; all three must agree.
 */
export interface FirewallPolicy {
  /** Chooses the path of each flow that starts here (first match), and with it the packet's mark and route. */
  readonly steering: Steering;
  /** A packet passes only if every layer accepts it. One layer in a steady state; old and new during a change. */
  readonly layers: readonly PolicyLayer[];
  /** Absent if every program is answered alike. */
  readonly names?: readonly NameRedirect[];
}

/**
 * The path of a flow. `number` is the path number of ownership.ts. While the daemon reports the tunnel as down, the flow
 * takes the first of `substitutes` that is up; if there is none it goes directly with `fallback`, and else is dropped
 * (rule S4.9).
 */
export type PathRef =
  | {
      readonly kind: "tunnel";
      readonly device: string;
      readonly number: number;
      readonly substitutes?: readonly Substitute[];
      /** Open connections wait for their tunnel while another stands in; else they are ended. */
      readonly keepsFlows?: true;
      readonly fallback?: "direct";
    }
  | { readonly kind: "direct" }
  | { readonly kind: "block" };

/** A tunnel that stands in for another. With `match` it does so for a part of the rule's flows only (next_rule). */
export interface Substitute {
  readonly device: string;
  readonly number: number;
  readonly match?: FlowMatch;
}

/** Flows of one path take another while its tunnel is down (rule S4.9). */
export interface PathSwitch {
  /** Path number of the tunnel that is down. */
  readonly path: number;
  /** Path number that is used instead: another tunnel's, or `PATH_NUMBERS.direct`. */
  readonly to: number;
}

export interface PortRange {
  /** Both ends included. */
  readonly from: number;
  readonly to: number;
}

export interface UidRange {
  /** Both ends included. */
  readonly from: number;
  readonly to: number;
}

/** Selects flows. Fields are AND-ed, values of one field OR-ed; an absent field matches everything. */
export interface FlowMatch {
  /** Canonical prefixes of both families. */
  readonly destinations?: readonly string[];
  /** Dynamic sets of addresses that awg's resolver fills (rule S4.14); an address in one of them matches too. */
  readonly sets?: readonly string[];
  /** IP protocol number. */
  readonly protocol?: number;
  /** Destination ports; a later fragment, which has none, never matches. */
  readonly ports?: readonly PortRange[];
  /** Owner of the sending socket; both ends included. */
  readonly uids?: readonly UidRange[];
  /** The class of the sending socket's program; a packet of no program matches no class. */
  readonly classes?: ClassSet;
}

/** Classes of programs: these, or all but these, among them that of a program without a class (S4.13). */
export type ClassSet = { readonly in: readonly number[] } | { readonly otherThan: readonly number[] };

export interface FlowRule {
  /** The place in the configuration, for people: "rules/2 (browser)". */
  readonly origin: string;
  readonly match: FlowMatch;
  readonly path: PathRef;
  /** Rates and rank of its flows that this host opens (S4.16). */
  readonly limit?: RuleLimit;
}

/** Bits per second; an absent direction is free. */
export interface RuleLimit {
  readonly download?: number;
  readonly upload?: number;
  /** Its packets go before or after others in the queue of the uplink; absent: in turn. */
  readonly priority?: "high" | "low";
}

export interface Steering {
  readonly rules: readonly FlowRule[];
  readonly default: PathRef;
}

/** A tunnel as the filter sees it. */
export interface PolicyTunnel {
  readonly device: string;
  readonly number: number;
  /** This host's addresses inside the tunnel, without length. They never appear on a physical device. */
  readonly addresses: readonly string[];
  /** Families the tunnel carries. */
  readonly families: readonly Family[];
}

/** A proxy as the filter sees it: flows of its path are given to its relay on loopback, or dropped (S5.7). */
export interface PolicyProxy {
  /** The number of its path, from which the relay's port follows. */
  readonly number: number;
  /** Whether UDP is given to the relay. */
  readonly udp: boolean;
}

/** An endpoint: awg's sockets (uid and mark) may send to this address, port and protocol. */
export interface EndpointGrant {
  readonly address: string;
  /** Absent: any, for UDP to a SOCKS5 proxy, which chooses it. */
  readonly port?: number;
  readonly protocol: 6 | 17;
}

/** A listening tunnel: awg's sockets (uid and mark) may send from this local UDP port to any address. */
export interface ListenGrant {
  readonly port: number;
}

/** A stated exception (`killSwitch.allow`). */
export interface AllowGrant {
  readonly direction: "in" | "out";
  readonly protocol?: number;
  /** Local ports if `in`, remote ports if `out`. */
  readonly ports?: readonly PortRange[];
  /** The other side. */
  readonly prefixes?: readonly string[];
}

export interface DnsPolicy {
  /** Whether port 53 and 853 pass to the declared servers only. */
  readonly leakProtection: boolean;
  readonly servers: readonly string[];
  /** The path of queries to the declared servers; it comes before every rule. */
  readonly path: PathRef;
  readonly blockEncrypted: boolean;
  /** Servers of single tunnels: the rules lead to them, so that S4.3 lets them be; absent if there are none. */
  readonly ofTunnels?: readonly string[];
}

/** Programs whose name queries are given to another address of awg's resolver (rule S4.15). */
export interface NameRedirect {
  /** Classes of their sockets. */
  readonly classes: readonly number[];
  /** A loopback address. */
  readonly listen: string;
}

/** One complete policy. */
export interface PolicyLayer {
  /** If off, only `block` rules, DNS protection and the rules for tunnel addresses hold (S8). */
  readonly killSwitch: boolean;
  readonly tunnels: readonly PolicyTunnel[];
  /** Absent without proxies. */
  readonly proxies?: readonly PolicyProxy[];
  readonly flows: Steering;
  readonly endpoints: readonly EndpointGrant[];
  readonly listens: readonly ListenGrant[];
  /** DNS servers that the service user may query before a tunnel is up. */
  readonly bootstrapDns: readonly string[];
  readonly serviceUid: number;
  /** Users of adopted engines; their sockets may carry the engine mark too. */
  readonly adoptedUids?: readonly number[];
  readonly allowLan: boolean;
  readonly allow: readonly AllowGrant[];
  readonly dns: DnsPolicy | null;
}

/**
 * The endpoints of proxies. Their relays may not mark packets, so steering marks what the service user sends there (S3.5).
 * A WireGuard endpoint is never of TCP, and always has a port.
 */
export function relayEndpoints({ endpoints }: Pick<PolicyLayer, "endpoints">): readonly EndpointGrant[] {
  return endpoints.filter(({ protocol, port }) => protocol === 6 || port === undefined);
}

/** The users of awg's engines: with the engine mark, their sockets have the grants of rules S3.1 and S3.2. */
export function engineUids({ serviceUid, adoptedUids = [] }: PolicyLayer): readonly number[] {
  return [serviceUid, ...adoptedUids];
}

/**
 * The most prefixes of a rule for which each gets a policy rule of the kernel, which tries them one by one at every route
 * lookup.
 */
export const MOST_RULE_PREFIXES = 256;

/**
 * Whether the kernel's first route lookup cannot know the path of these flows: the packet filter alone selects them, marks
 * them, and rewrites their source to that of their path's device (rule S4.12).
 */
export function isForFilterAlone({ destinations = [], sets }: FlowMatch): boolean {
  return destinations.length > MOST_RULE_PREFIXES || sets !== undefined;
}

/** Every dynamic set of a policy, once, in order. */
export function nameSetsOf({ steering, layers }: FirewallPolicy): readonly string[] {
  const rules = [steering, ...layers.map(({ flows }) => flows)].flatMap(({ rules: some }) => some);
  return [...new Set(rules.flatMap(({ match }) => match.sets ?? []))];
}

/** Whether a policy has such flows. */
export function rewritesSources({ steering, layers }: FirewallPolicy): boolean {
  return [steering, ...layers.map(({ flows }) => flows)].some(({ rules }) =>
    rules.some(({ match }) => isForFilterAlone(match)),
  );
}

/** What a blocking rule dropped since the tables were loaded. */
export interface RuleDrops {
  /** The place in the configuration: "rules/2 (browser)", or "default". */
  readonly rule: string;
  readonly packets: number;
}

/** The state of awg's rules in the host's packet filter. */
export interface FirewallObserved {
  /** The loaded policy, if awg's tables are complete and unchanged; null if there are none. */
  readonly policy: FirewallPolicy | null;
  /** Changed or missing parts of awg's tables, for people. If not empty, the policy must be loaded again. */
  readonly damage: readonly string[];
  /** No program changed the tables: the damage is that the host has other devices or default routes now. */
  readonly isOutdated?: true;
  /** Whether a running keeper owns the tables, so that the kernel refuses other programs' changes. */
  readonly held: boolean;
  /** Whether this kernel supports owned tables; absent if unknown. */
  readonly holdable?: boolean;
  /** Packets dropped since the tables were loaded. */
  readonly droppedPackets: number;
  /** The part of them that rules of the config blocked; absent if no rule blocks, or on macOS. */
  readonly droppedByRule?: readonly RuleDrops[];
  /** The switches of paths in force (rule S4.9); absent if there is none. */
  readonly fallback?: readonly PathSwitch[];
  /** Bridges with guests' ports only (rule S9.4); absent if there is none, or no policy. */
  readonly guestBridges?: readonly string[];
  /** nf_tables tables of another program with the name of one of awg's, like "inet awg"; absent if there is none. */
  readonly foreignTables?: readonly string[];
}
