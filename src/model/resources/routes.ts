import type { PathSwitch } from "../firewall/policy.ts";
import type { Family } from "../ip.ts";

/** What a policy rule selects; absent fields select everything. All given fields must hold. */
export interface PolicyRuleMatch {
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly source?: string;
  readonly destination?: string;
  /** Both ends included. */
  readonly uids?: { readonly from: number; readonly to: number };
  /** Only packets that this host sends (`iif lo`); false never occurs. */
  readonly local?: true;
  readonly protocol?: "tcp" | "udp";
  /** Destination ports, both ends included. */
  readonly ports?: { readonly from: number; readonly to: number };
  /** Source ports, both ends included: replies are matched by the port they come from. */
  readonly sourcePorts?: { readonly from: number; readonly to: number };
}

/** One `ip rule`. */
export interface PolicyRule {
  readonly family: Family;
  /** Preference, within RULE_PREFERENCES of ownership.ts. */
  readonly preference: number;
  readonly match: PolicyRuleMatch;
  /** Routing table looked up; 254 is main. */
  readonly table: number;
  /** With a value n a result is ignored if its prefix is n bits or shorter (wg-quick's suppress_prefixlength 0). */
  readonly suppressPrefixLength?: number;
}

/** A routing table of ours, or a set of policy rules, or both: one resource, one batch. */
export interface RoutesSpec {
  /** Table number; undefined for a resource that holds rules only. */
  readonly table?: number;
  /**
   * Device of every destination; undefined when there are none. On loopback the destinations are delivered to this host (type
   * local), and sockets without an address get one of loopback.
   */
  readonly device?: string;
  /** Canonical prefixes routed into the device, sorted. */
  readonly destinations: readonly string[];
  /** Families in which the table ends with `unreachable default`, so that a vanished device never falls through. */
  readonly guards: readonly Family[];
  /** Sorted by family, then preference. */
  readonly rules: readonly PolicyRule[];
  /** Destinations that bypass the tunnels on hosts that route by destination alone (macOS); sorted. */
  readonly pins?: readonly PinnedRoute[];
  /** Rules that exist only while a switch of paths is in force; their presence or absence is no difference. */
  readonly standby?: readonly StandbyRules[];
}

/**
 * A destination that uses the physical gateway although a tunnel's route covers it; unreachable while there is no
 * uplink.
 */
export interface PinnedRoute {
  /** Canonical prefix. */
  readonly destination: string;
  /** The physical device; absent for a blackhole. */
  readonly device?: string;
  /** Absent if the destination is on the device's link. */
  readonly gateway?: string;
}

/** The rules for lookups of flows with a tunnel that is down: by which path they go instead. */
export interface StandbyRules extends PathSwitch {
  /** Sorted by family, then preference. */
  readonly rules: readonly PolicyRule[];
}

/** Same shape as the spec; what other programs wrote into our table or preference range is separate. */
export interface RoutesObserved extends RoutesSpec {
  /** Foreign routes and rules found inside our table or range, as `ip` would print them; never deleted by us. */
  readonly foreign: readonly string[];
  /** Routes of ours in the table that no spec can hold (a second device, another metric), as `ip` would print them. */
  readonly strays?: readonly string[];
}
