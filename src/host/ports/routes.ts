import type { Family } from "../../model/ip.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";

export interface Route {
  readonly family: Family;
  readonly table: number;
  /** Canonical prefix; "0.0.0.0/0" and "::/0" are the defaults. */
  readonly destination: string;
  readonly type: "unicast" | "unreachable" | "blackhole" | "throw" | "local" | "multicast" | "other";
  readonly device?: string;
  readonly gateway?: string;
  readonly metric: number;
  /** The address of sockets that have none; of local routes in our tables only. */
  readonly source?: string;
  /** rtm_protocol: the owner of the route. */
  readonly protocol: number;
  /** Devices of the other next hops of a multipath route. */
  readonly otherDevices?: readonly string[];
  /** Attributes that we do not model, as `ip route` prints them; never set on our own routes. */
  readonly foreign?: string;
}

/** A policy rule of the host; `foreign` holds selectors that we do not model. */
export interface RuleEntry {
  readonly rule: PolicyRule;
  readonly protocol: number;
  readonly foreign?: string;
}

/** One set of changes; adds go before deletes, so that coverage never shrinks in between. */
export interface RouteChanges {
  readonly addRoutes: readonly Route[];
  readonly deleteRoutes: readonly Route[];
  readonly addRules: readonly PolicyRule[];
  readonly deleteRules: readonly PolicyRule[];
}

/** Routing tables and policy rules. */
export interface RoutePort {
  /** Routes of these tables, or of all tables. */
  readRoutes(tables?: readonly number[]): Promise<readonly Route[]>;
  readRules(): Promise<readonly RuleEntry[]>;
  /** Applies a set in as few messages as possible; "exists already" and "gone already" count as success. */
  change(changes: RouteChanges): Promise<void>;
}
