import type { Verdict } from "../../../native/linux/nftables/expression.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";
import type { MarkChange } from "../../space/mark-classes.ts";
import type { Term } from "../../space/packet-fields.ts";
import type { JudgedStep } from "./judged-step.ts";

/** One step of a rule as a statement about sets of packets. */
export type RuleStep =
  /** The rule goes on for packets of which all terms of one of the alternatives hold. */
  | { readonly kind: "test"; readonly any: readonly (readonly Term[])[] }
  | { readonly kind: "mark"; readonly change: MarkChange }
  /** These bits of the mark become what awg cannot say. */
  | { readonly kind: "mark-lost"; readonly bits: number }
  /** The rule goes on here for some packets that look like these, and not for others. */
  | { readonly kind: "either" }
  | JudgedStep
  /** The rule writes a field of the packet itself that packets are judged by; the word is for people. */
  | { readonly kind: "write"; readonly what: string }
  /** Whether the rule goes on here cannot be said. */
  | { readonly kind: "doubt"; readonly what: string };

/** A rule ready to be asked about sets of packets. */
export interface ReadRule {
  readonly rule: NftRule;
  readonly name: string;
  readonly steps: readonly RuleStep[];
  /** Absent: whatever reaches the end goes on to the next rule. */
  readonly verdict?: Verdict;
}
