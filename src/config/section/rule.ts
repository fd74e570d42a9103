import { z } from "zod";
import { type Fault, fault, leaf, quote, wrongType } from "../field/leaf.ts";
import { oneOf, text } from "../field/scalar.ts";
import { type Match, matchFields } from "./match.ts";
import { type Fallback, fallback, type Via, via } from "./path.ts";

export const ENFORCEMENTS = ["enforced", "best-effort", "advisory"] as const;

/** Bits per second each way. */
export interface RateLimit {
  readonly down?: number;
  readonly up?: number;
}

/** One rule: first match wins. */
export interface Rule extends Match {
  readonly name?: string;
  readonly via: Via;
  readonly fallback: Fallback;
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
    : fault("number-out-of-range", `${quote(input)} is not a rate`, "write 500kbit, 10mbit or 1gbit");
});

const limit = z.strictObject({
  down: rate.describe("Most that may come in.").exactOptional(),
  up: rate.describe("Most that may go out.").exactOptional(),
});

/** Rules are tried in order; fields of one rule are AND-ed, values of one field OR-ed. */
export const ruleSchema: z.ZodType<Rule> = z
  .strictObject({
    name: text(64).describe("A name for plans, status and explain; unique.").exactOptional(),
    ...matchFields(),
    via: via().describe("Where matching traffic goes: a tunnel's name, direct, or block."),
    fallback: fallback
      .describe("While the tunnel is down: block (the default), direct, drop, next_rule, or { failover: [tunnels] }.")
      .prefault("block"),
    dns: oneOf(["direct"])
      .describe("direct lets these programs ask their own DNS servers although DNS is protected.")
      .exactOptional(),
    limit: limit.describe("Rate limits.").exactOptional(),
    require: oneOf(ENFORCEMENTS)
      .describe("Refuse to apply unless this machine keeps the rule at least this well.")
      .exactOptional(),
  })
  .meta({ id: "Rule" });

/** What happens to traffic that no rule matches. */
export const defaultSchema = z.strictObject({
  via: via().describe("A tunnel's name, block, or direct: then only matching programs use a tunnel."),
  fallback: fallback.describe("While the tunnel is down, as in rules.").prefault("block"),
});
