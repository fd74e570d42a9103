import type { Prefix } from "../../../../src/model/prefix.ts";

/** One host of a rule's side. */
export interface PfHost {
  readonly not: boolean;
  readonly prefix?: Prefix;
  readonly table?: string;
  /** An interface's addresses, `self`, `no-route`: parsed, never judged. */
  readonly other?: string;
}

/** `from op to` over ports, users or groups; one number for the unary operators. */
export interface PfRange {
  readonly op: "=" | "!=" | "<" | "<=" | ">" | ">=" | "><" | "<>" | ":";
  readonly from: number | "unknown";
  readonly to?: number;
}

export interface PfParsedSide {
  /** Absent: any. */
  readonly hosts?: readonly PfHost[];
  readonly ports?: readonly PfRange[];
}

/** A filter rule or an anchor call, lists not yet multiplied. */
export interface PfParsedRule {
  readonly line: number;
  readonly action: "pass" | "block" | "anchor";
  readonly anchor?: string;
  readonly body?: readonly PfParsedRule[];
  readonly direction?: "in" | "out";
  readonly quick: boolean;
  readonly interfaces?: readonly { readonly not: boolean; readonly name: string }[];
  readonly route?: string;
  readonly family?: 4 | 6;
  readonly protocols?: readonly number[];
  readonly from: PfParsedSide;
  readonly to: PfParsedSide;
  readonly options: PfOptions;
}

export interface PfOptions {
  users?: PfRange[];
  groups?: PfRange[];
  flags?: string;
  icmp?: { readonly family: 4 | 6; readonly types: readonly number[] };
  state?: "keep" | "none";
  isIfBound?: true;
  isFragment?: true;
  allowsOptions?: true;
  label?: string;
  /** Tags, probability, tos: parsed, never judged. */
  other?: string;
}

export interface PfRuleset {
  readonly rules: readonly PfParsedRule[];
  readonly tables: ReadonlyMap<string, readonly PfHost[]>;
}
