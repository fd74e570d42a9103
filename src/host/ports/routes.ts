import type { Family } from "../../model/ip.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";

export interface Route {
  readonly family: Family;
  readonly table: number;
  /** Canonical prefix; "0.0.0.0/0" and "::/0" are the defaults. */
  readonly destination: string;
  readonly type: "unicast" | "unreachable" | "blackhole" | "throw" | "local" | "other";
  readonly device?: string;
  readonly gateway?: string;
  readonly metric: number;
  /** rtm_protocol: whose route it is. */
  readonly protocol: number;
  /** Devices of further next hops, among which the kernel shares the flows out. */
  readonly otherDevices?: readonly string[];
  /** What else it says that we do not model, as `ip route` prints it: one of ours says nothing. */
  readonly foreign?: string;
}

/** A policy rule as the machine has it; `foreign` text stands for selectors we do not model. */
export interface RuleEntry {
  readonly rule: PolicyRule;
  readonly protocol: number;
  readonly foreign?: string;
}

/** One set of changes; adds go before deletes, so that there is never less than before. */
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
  /** Applies a set in as few messages as the kernel takes; "exists already" and "gone already" are success. */
  change(changes: RouteChanges): Promise<void>;
}
