import type { Verdict } from "../../../native/linux/nftables/expression.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";
import type { MarkChange } from "../../space/mark-classes.ts";
import type { Term } from "../../space/packet-fields.ts";
import type { JudgedStep } from "./judged-step.ts";

/** One step of a rule as a condition on, or a change of, sets of packets. */
export type RuleStep =
  /** The rule continues if all terms of one alternative hold. */
  | { readonly kind: "test"; readonly any: readonly (readonly Term[])[] }
  | { readonly kind: "mark"; readonly change: MarkChange }
  /** The rule sets these bits of the mark to an unknown value. */
  | { readonly kind: "mark-lost"; readonly bits: number }
  | JudgedStep
  /** The rule writes a packet field that the policy matches. `what` names it in messages. */
  | { readonly kind: "write"; readonly what: string }
  /** The rule may continue or stop: awg cannot read the condition. */
  | { readonly kind: "doubt"; readonly what: string };

/** A rule, prepared for sets of packets. */
export interface ReadRule {
  readonly rule: NftRule;
  readonly name: string;
  readonly steps: readonly RuleStep[];
  /** If absent, the packets continue with the next rule. */
  readonly verdict?: Verdict;
}
