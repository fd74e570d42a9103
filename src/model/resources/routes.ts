import type { Family } from "../ip.ts";

/** What a policy rule selects; absent fields select everything. All given fields must hold. */
export interface PolicyRuleMatch {
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly source?: string;
  readonly destination?: string;
  /** Both ends included. */
  readonly uids?: { readonly from: number; readonly to: number };
  readonly protocol?: "tcp" | "udp";
  /** Destination ports, both ends included. */
  readonly ports?: { readonly from: number; readonly to: number };
  /** Source ports, both ends included: answers are told by the port they come from. */
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
  /** With a value n the answer is ignored when its prefix is n bits or shorter (wg-quick's trick with 0). */
  readonly suppressPrefixLength?: number;
}

/** A whole routing table of ours, or a set of policy rules, or both: one resource, one batch. */
export interface RoutesSpec {
  /** Table number; undefined for a resource that holds rules only. */
  readonly table?: number;
  /** Device of every destination; undefined when there are none. */
  readonly device?: string;
  /** Canonical prefixes routed into the device, sorted. */
  readonly destinations: readonly string[];
  /** Families in which the table ends with `unreachable default`, so that a vanished device never falls through. */
  readonly guards: readonly Family[];
  /** Sorted by family, then preference. */
  readonly rules: readonly PolicyRule[];
  /** Destinations that go past the tunnels, where routes alone choose the way (macOS); sorted. */
  readonly pins?: readonly PinnedRoute[];
  /** Rules that stand only while the fallback of a path is in force; standing or not, they are no difference. */
  readonly standby?: readonly StandbyRules[];
}

/** A destination that goes by the physical gateway though a tunnel's route covers it; nowhere while there is no way. */
export interface PinnedRoute {
  /** Canonical prefix. */
  readonly destination: string;
  /** The physical device; absent for a blackhole. */
  readonly device?: string;
  /** Absent where the device's link itself is the way. */
  readonly gateway?: string;
}

/** The rules by which the kernel looks up the direct way for flows whose tunnel is down. */
export interface StandbyRules {
  /** Number of the path that is down. */
  readonly path: number;
  /** Sorted by family, then preference. */
  readonly rules: readonly PolicyRule[];
}

/** Same shape as the spec; what others wrote into our table or preference range stands apart. */
export interface RoutesObserved extends RoutesSpec {
  /** Foreign routes and rules found inside our table or range, as `ip` would print them; never deleted by us. */
  readonly foreign: readonly string[];
  /** Routes of ours in the table that no spec can hold (a second device, another metric), as `ip` would print them. */
  readonly strays?: readonly string[];
}
