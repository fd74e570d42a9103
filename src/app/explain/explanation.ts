import type { RuleLimit } from "../../model/firewall/policy.ts";
import type { Enforcement } from "../../model/resource.ts";
import type { MetRule } from "../../verify/finding.ts";
import type { ProgramLine } from "../programs/program-report.ts";
import type { NamedClass } from "./socket-class.ts";

/** The path and verdict of a flow, by one side. */
export interface ExplainedSide {
  /** "direct", "block", a tunnel's device, or "(none)" where the mark names no path. */
  readonly path: string;
  /** The rule of the config that chose the path, and its paragraph. */
  readonly reason: string;
  readonly mark: number;
  /** Preference and text of the policy rule, as `ip rule` shows it. */
  readonly policyRule?: string;
  readonly table?: number;
  /** As `ip route` shows it. */
  readonly route?: string;
  /** Device it leaves by, or why it does not, in brackets. */
  readonly device: string;
  readonly verdict: "accept" | "drop" | "unknown";
  /** The class of the sender's socket, where rules distinguish programs. */
  readonly socketClass?: NamedClass;
  readonly verdictBy: readonly MetRule[];
}

/** What the rule of a flow does while its tunnel is down. */
export interface ExplainedFallback {
  /** "block", "direct", "failover to backup". */
  readonly text: string;
  readonly isInForce: boolean;
}

/** Where the sender's DNS queries go, by the accepted state. */
export interface ExplainedDns {
  /** The first server. */
  readonly server: string;
  readonly path: string;
  readonly device: string;
  readonly verdict: ExplainedSide["verdict"];
  /** Whether awg's own resolver queries the server for the program. */
  readonly isByResolver: boolean;
}

/** The path of a flow by both sides. */
export interface ExplainedPath {
  readonly declared: ExplainedSide;
  readonly live: ExplainedSide;
  /** `name` is its key in the config. */
  readonly tunnel?: { readonly device: string; readonly name: string; readonly state: string };
  /** Absent if the rule leads into no tunnel. */
  readonly fallback?: ExplainedFallback;
  /** Rates and priority of the flow's rule; absent for one without a limit. */
  readonly limit?: RuleLimit;
  /** Absent where awg manages no resolver. */
  readonly dns?: ExplainedDns;
  /** Differences between the two sides; empty if all is as declared. */
  readonly disagreements: readonly string[];
  readonly notes: readonly string[];
}

/** One flow by the declared state and by the live kernel. */
export interface Explanation extends ExplainedPath {
  readonly flow: {
    readonly destination: string;
    readonly port?: number;
    readonly protocol: number;
    readonly uid: number;
  };
  readonly generation: number;
  /** Whether that generation has resources; the kernel alone decides otherwise. */
  readonly isApplied: boolean;
  /** System of the host: only Linux has marks and policy rules. */
  readonly system: "linux" | "darwin";
  /** Every possible path, by the order of the rules, and why none is certain. Absent where one is. */
  readonly undecided?: { readonly why: string; readonly paths: readonly ExplainedPath[] };
  /** How well the packet policy is kept; absent where none was accepted. */
  readonly enforcement?: Enforcement;
  /** The programs in question, each with its rule. */
  readonly programs: readonly ProgramLine[];
}
