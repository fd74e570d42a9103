import { z } from "zod";
import { keyMeta } from "../feature/support.ts";
import { type Fault, fault, leaf, quote, wrongType } from "../field/leaf.ts";
import { oneOf, text } from "../field/scalar.ts";
import { ruleConstraints } from "./constraints.ts";
import { MATCH_KEYS, type Match, matchFields } from "./match.ts";
import { defaultFallback, type Fallback, fallback, type Via, via } from "./path.ts";

export const ENFORCEMENTS = ["enforced", "best-effort", "advisory"] as const;

export const OPEN_FLOWS = ["cut", "keep"] as const;

const PRIORITIES = ["high", "normal", "low"] as const;

/** Bits per second in each direction, and whether its packets go before others. */
export interface RateLimit {
  readonly download?: number;
  readonly upload?: number;
  readonly priority?: (typeof PRIORITIES)[number];
}

/** One rule: first match wins. */
export interface Rule extends Match {
  readonly name?: string;
  readonly via: Via;
  readonly fallback: Fallback;
  readonly openFlows?: (typeof OPEN_FLOWS)[number];
  readonly dns?: "direct";
  readonly limit?: RateLimit;
  readonly require?: (typeof ENFORCEMENTS)[number];
}

const BITS_PER_UNIT: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

const rate = leaf({ type: "string", pattern: "^[0-9]+(\\.[0-9]+)?(bit|kbit|mbit|gbit)$" }, (input): number | Fault => {
  if (typeof input !== "string") return wrongType(input, "a rate such as 10mbit");
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(bit|kbit|mbit|gbit)$/.exec(input);
  const bits = Math.round(Number(match?.[1] ?? 0) * (BITS_PER_UNIT[match?.[2] ?? ""] ?? 0));
  return bits > 0
    ? bits
    : fault("number-out-of-range", `${quote(input)} is not a rate`, "for example 500kbit, 10mbit or 1gbit");
});

const limit = z.strictObject({
  download: rate.describe("Highest rate received, in bits a second: 500kbit, 10mbit.").exactOptional(),
  upload: rate.describe("Highest rate sent.").exactOptional(),
  priority: oneOf(PRIORITIES)
    .meta(keyMeta("Whether its packets go before or after others.", "limit.priority"))
    .exactOptional(),
});

/** Rules are tried in order; fields of one rule are AND-ed, values of one field OR-ed. */
export const ruleSchema: z.ZodType<Rule> = z
  .strictObject({
    name: text(64).describe("Unique name for plan, status and explain.").exactOptional(),
    ...matchFields(),
    via: via().describe("Path of matching traffic: a tunnel's name, direct or block."),
    fallback: fallback
      .meta(
        keyMeta(
          "While the tunnel is down: block, direct, drop, next_rule or { failover: [tunnels] }.",
          "fallback.next-rule",
          "fallback.failover",
        ),
      )
      .prefault("block"),
    openFlows: oneOf(OPEN_FLOWS)
      .meta(keyMeta("cut (default) or keep open connections when another tunnel takes over.", "fallback.failover"))
      .exactOptional(),
    dns: oneOf(["direct"])
      .meta(keyMeta("direct lets these programs query their own DNS servers although DNS is protected.", "rule.dns"))
      .exactOptional(),
    limit: limit.meta(keyMeta("Rate limits.", "rule.limit")).exactOptional(),
    require: oneOf(ENFORCEMENTS)
      .meta(keyMeta("Refuse to apply unless this host enforces the rule at least this well.", "rule.require"))
      .exactOptional(),
  })
  .meta({ id: "Rule", ...ruleConstraints(MATCH_KEYS) });

/** What happens to traffic that no rule matches. */
export const defaultSchema = z.strictObject({
  via: via().describe("A tunnel's name, block or direct. With direct only matching traffic uses a tunnel."),
  fallback: defaultFallback
    .meta(keyMeta("While the tunnel is down, as in rules; there is no next rule.", "fallback.failover"))
    .prefault("block"),
  openFlows: oneOf(OPEN_FLOWS)
    .meta(keyMeta("cut (default) or keep open connections when another tunnel takes over.", "fallback.failover"))
    .exactOptional(),
});
