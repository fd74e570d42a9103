import { counter, type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { REFUSED_CHAIN } from "../chain-names.ts";
import { type Chain, rule } from "../rendered-table.ts";

/** Counts and drops. */
export const REFUSED: Chain = {
  name: REFUSED_CHAIN,
  rules: [rule([], [counter(), verdict("drop")], "S1.5 refused")],
};

/** What a rule does with a packet that the policy refuses. */
export const refuse = (): Expression => verdict("goto", REFUSED_CHAIN);

/** What a rule of the config does with a packet that it blocks: its drops are counted apart (see observe/rule-drops.ts). */
export const block = (): readonly Expression[] => [counter(), refuse()];
