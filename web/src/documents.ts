/** The parts of awg's JSON documents that the page shows (schema/json/status.schema.json and its neighbours). */

export interface StatusDocument {
  readonly generation: number;
  readonly conditions: readonly Condition[];
  readonly resources: readonly ResourceLine[];
  readonly down: readonly string[];
  readonly fallback: readonly {
    /** The tunnel that is down. */
    readonly tunnel: string;
    /** The tunnel that is used instead, or `direct`. */
    readonly to: string;
    readonly rules: readonly string[];
  }[];
  /** Rules that the config sends direct: "rules/0 (backup)", "rules/1", "default". */
  readonly directRules: readonly string[];
  readonly endsAtReboot: boolean;
  readonly daemon: DaemonLine | null;
  readonly override?: {
    readonly what: "down" | "up" | "pause";
    readonly until: string;
  } | null;
  readonly awaitingConfirmation: { readonly generation: number; readonly secondsLeft: number } | null;
}

export interface Condition {
  readonly type: string;
  readonly status: boolean;
  /** A word for programs: NoNetwork. */
  readonly reason: string;
  /** The same for people. */
  readonly message: string;
  readonly since: string | null;
}

export interface DaemonLine {
  readonly pid: number;
  readonly phase: string;
  readonly since: string | null;
  readonly keys: readonly string[];
  readonly nextTry: string | null;
  readonly filesNotApplied: boolean;
  /** Absolute paths of the config that it follows. */
  readonly files?: readonly string[];
  /** `file:line` of each tunnel, rule and of the default. */
  readonly lines?: Readonly<Record<string, string>>;
}

export interface ResourceLine {
  readonly key: string;
  readonly ready: boolean;
  readonly drift: readonly FieldChange[];
  readonly summary: string;
  readonly tunnel?: { readonly state: string; readonly wire: string; readonly peers: readonly PeerLine[] };
}

export interface PeerLine {
  readonly publicKey: string;
  readonly endpoint: string | null;
  readonly handshakeAgeSeconds: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly roundTripMs: number | null;
  readonly messagesExpected?: number | null;
  readonly messagesLost?: number | null;
}

export interface PlanStep {
  readonly key: string;
  readonly action: string;
  readonly reason: string;
  readonly changes: readonly FieldChange[];
  /** The resource's spec before and after; null where it is absent. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface FieldChange {
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly secret?: boolean;
  readonly added?: number;
  readonly removed?: number;
}

export interface PlanDocument {
  readonly configHash: string;
  readonly inSync: boolean;
  readonly traffic: string;
  readonly affected?: {
    readonly programs?: readonly {
      readonly pid: number;
      readonly program: string;
      readonly from: string;
      readonly to: string;
    }[];
    readonly flows: readonly {
      readonly pid: number;
      readonly program: string;
      readonly protocol: string;
      readonly destination: string;
      readonly port: number;
      readonly from: string;
      readonly to: string;
    }[];
    readonly more: number;
  };
  readonly steps: readonly PlanStep[];
  readonly notes: readonly { readonly path: string; readonly message: string; readonly isWarning?: true }[];
}

export interface ProgramLine {
  readonly pid: number;
  readonly name: string;
  readonly path: string | null;
  readonly user: string | null;
  readonly kernelThread: boolean;
  readonly sockets: number | null;
  readonly rule: ProgramRule | null;
  readonly perhaps: readonly ProgramRule[];
}

export interface ProgramRule {
  readonly origin: string;
  readonly via: string;
  readonly enforcement: string;
}

export interface Explanation {
  readonly declared: FlowPath;
  readonly live: FlowPath | null;
  /** Where awg cannot read which rule matches. */
  readonly undecided?: { readonly why: string; readonly possible: readonly { readonly declared: FlowPath }[] } | null;
  readonly tunnel: { readonly device: string; readonly state: string } | null;
  readonly agree: boolean;
  readonly disagreements: readonly string[];
  readonly notes: readonly string[];
  readonly fallback?: { readonly path: string; readonly inForce: boolean } | null;
  readonly dns?: { readonly server: string; readonly path: string } | null;
  readonly enforcement?: string | null;
}

export interface FlowPath {
  readonly path: string;
  readonly reason: string;
  readonly device?: string | null;
  readonly verdict: string;
}

export interface DriftDocument {
  readonly drifted: boolean;
  readonly drift: readonly {
    readonly key: string;
    readonly change?: "gone" | "changed" | "extra";
    readonly cause?: string;
    readonly fields?: readonly FieldChange[];
  }[];
}
