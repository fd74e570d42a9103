import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { MetRule, Verified } from "../../verify/finding.ts";
import type { HeaderPoint } from "../../verify/space/header-point.ts";

/** Queries to a real kernel beyond what drivers read. Reads only. */
export interface Inspection {
  /** Verifies the rules loaded in the kernel against the policy, for every packet. */
  verifyLoaded(policy: FirewallPolicy): Verified;
  /** Verifies the rules that would be loaded against the policy. */
  verifyRendered(policy: FirewallPolicy): Verified;
  /**
   * Tracked flows that the policy forbids everywhere, as text; misaddressed flows stay in a tunnel with another
   * device's address.
   */
  forbiddenFlows(policy: FirewallPolicy): {
    readonly open: readonly string[];
    readonly misaddressed: readonly string[];
  };
  /** The dynamic sets (rule S4.14) that hold this address now. */
  setsHolding(address: string): readonly string[];
  /** The loaded rules that match one packet, and its verdict. */
  tracePacket(point: HeaderPoint): PacketTrace;
  /** The kernel's route for such a packet. */
  decideRoute(question: RouteQuestion): RouteAnswer;
}

/** A device, "(local)", or the kernel's refusal in parentheses; and whether the next hop is a router. */
export interface RouteAnswer {
  readonly leadsTo: string;
  readonly byRouter: boolean;
}

/** The fields of a packet for the kernel's route lookup. */
export interface RouteQuestion {
  readonly destination: string;
  readonly mark: number;
  readonly uid: number;
  /** Absent where the packet has no ports a policy rule could match. */
  readonly ports?: { readonly protocol: number; readonly source: number; readonly destination: number };
}

/** What the loaded rules do with one packet. */
export interface PacketTrace {
  readonly verdict: "accept" | "drop" | "unknown";
  /** The packet's mark after steering. */
  readonly mark: number;
  readonly rules: readonly MetRule[];
}
