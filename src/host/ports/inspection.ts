import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { MetRule, Verified } from "../../verify/finding.ts";
import type { HeaderPoint } from "../../verify/space/header-point.ts";

/** What a real machine's kernel can be asked, beyond what drivers read. Reads only. */
export interface Inspection {
  /** Holds the rules now in the kernel against the policy, for every packet. */
  verifyLoaded(policy: FirewallPolicy): Verified;
  /** Holds what would be loaded for the policy against it. */
  verifyRendered(policy: FirewallPolicy): Verified;
  /** Tracked flows that the policy lets pass nowhere, in words; the misaddressed stay in a tunnel with another device's address. */
  forbiddenFlows(policy: FirewallPolicy): {
    readonly open: readonly string[];
    readonly misaddressed: readonly string[];
  };
  /** The rules one packet meets now, and how that ends. */
  tracePacket(point: HeaderPoint): PacketTrace;
  /** Where the kernel itself sends such a packet: a device, "(local)", or its refusal in brackets. */
  decideRoute(question: RouteQuestion): string;
}

/** A packet as the kernel's own look-up of routes is asked about it. */
export interface RouteQuestion {
  readonly destination: string;
  readonly mark: number;
  readonly uid: number;
  /** Absent where the packet has none that a policy rule could ask for. */
  readonly ports?: { readonly protocol: number; readonly source: number; readonly destination: number };
}

/** What the rules in force make of one packet. */
export interface PacketTrace {
  readonly verdict: "accept" | "drop" | "unknown";
  /** The packet's mark after steering. */
  readonly mark: number;
  readonly rules: readonly MetRule[];
}
