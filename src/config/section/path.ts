import { type Fault, fault, isFault, leaf, quote, quoteKey, wrongType } from "../field/leaf.ts";
import { checkOneOf } from "../field/scalar.ts";

/** The path of a flow. */
export type Via =
  | { readonly kind: "tunnel"; readonly tunnel: string }
  | { readonly kind: "direct" }
  | { readonly kind: "block" };

/**
 * What happens to a flow while its tunnel is down. `block` drops it. `direct` lets it out. `failover` tries other
 * tunnels, then drops. `next-rule` uses the next matching rule with a tunnel that is up, then drops. `drop` always
 * drops.
 */
export type Fallback =
  | { readonly kind: "block" }
  | { readonly kind: "direct" }
  | { readonly kind: "drop" }
  | { readonly kind: "next-rule" }
  | { readonly kind: "failover"; readonly tunnels: readonly string[] };

/** Words with another meaning in `via` or in the key of a resource (routes/policy). */
export const RESERVED_TUNNEL_NAMES: readonly string[] = ["direct", "block", "drop", "default", "policy"];

/** Reserved names that are no path either. */
const NO_PATHS: readonly string[] = ["default", "policy"];

/** A regular expression of the names that tunnels may have. */
export const TUNNEL_NAME = "^[a-z][a-z0-9-]{0,31}$";
/** The most failover tunnels of one: each has a place of its own among the policy rules. */
const MOST_SUBSTITUTES = 7;
const DEFAULT_FALLBACKS = ["block", "direct", "allow_direct", "drop"] as const;
const RULE_FALLBACKS = [...DEFAULT_FALLBACKS, "next_rule"] as const;

/** The name of a tunnel, of at most 32 characters. `deviceOfTunnel` gives its interface. */
export function checkTunnelName(input: unknown): string | Fault {
  if (typeof input !== "string") return wrongType(input, "the name of a tunnel");
  if (RESERVED_TUNNEL_NAMES.includes(input)) {
    return fault("tunnel-name-reserved", `${quote(input)} is reserved`, "use another name");
  }
  if (new RegExp(TUNNEL_NAME).test(input)) return input;
  return fault(
    "tunnel-name",
    `${quote(input)} is not a tunnel name`,
    "use 1 to 32 of a-z, 0-9 and -, beginning with a letter",
  );
}

/** The path of a flow: a tunnel's name, `direct`, or `block` (also `drop`). */
export function via() {
  return leaf(
    { type: "string", pattern: TUNNEL_NAME, not: { enum: NO_PATHS }, form: "tunnel, direct or block" },
    (input): Via | Fault => {
      if (input === "direct") return { kind: "direct" };
      if (input === "block" || input === "drop") return { kind: "block" };
      if (typeof input !== "string") return wrongType(input, "a tunnel's name, direct or block");
      const tunnel = checkTunnelName(input);
      return isFault(tunnel) ? tunnel : { kind: "tunnel", tunnel };
    },
  );
}

/** The field: a word, or `{ failover: [other, tunnels] }`. */
function fallbackField(words: readonly (typeof RULE_FALLBACKS)[number][]) {
  const failover = {
    type: "object",
    properties: { failover: tunnelListJson() },
    required: ["failover"],
    additionalProperties: false,
  };
  return leaf({ anyOf: [{ enum: words }, failover] }, (input): Fallback | Fault => {
    if (typeof input === "string") return readWord(input, words);
    if (typeof input !== "object" || input === null || Array.isArray(input)) {
      return wrongType(input, "block, direct, drop, next_rule or { failover: [tunnels] }");
    }
    const other = Object.keys(input).find((key) => key !== "failover");
    if (other !== undefined) return fault("unknown-key", `unknown key ${quoteKey(other)}`, "use failover", [other]);
    const tunnels = readTunnelList((input as { failover?: unknown }).failover);
    return isFault(tunnels)
      ? { ...tunnels, path: ["failover", ...(tunnels.path ?? [])] }
      : { kind: "failover", tunnels };
  });
}

/** A list of at least one tunnel. */
export function tunnelList() {
  return leaf(tunnelListJson(), readTunnelList);
}

function tunnelListJson() {
  const not = { enum: RESERVED_TUNNEL_NAMES };
  return {
    type: "array",
    minItems: 1,
    maxItems: MOST_SUBSTITUTES,
    uniqueItems: true,
    items: { type: "string", pattern: TUNNEL_NAME, not },
  };
}

function readWord(word: string, words: readonly (typeof RULE_FALLBACKS)[number][]): Fallback | Fault {
  const known = checkOneOf(word, words);
  if (isFault(known)) return known;
  if (known === "allow_direct") return { kind: "direct" };
  return known === "next_rule" ? { kind: "next-rule" } : { kind: known };
}

function readTunnelList(input: unknown): string[] | Fault {
  if (!Array.isArray(input)) return wrongType(input, "a list of tunnels");
  if (input.length === 0) return fault("list-empty", "the list is empty", "add at least one tunnel");
  if (input.length > MOST_SUBSTITUTES)
    return fault("failover-too-many", `${input.length} failover tunnels`, `name at most ${MOST_SUBSTITUTES}`);
  const names: string[] = [];
  for (const [index, item] of input.entries()) {
    const name = checkTunnelName(item);
    if (isFault(name)) return { ...name, path: [index] };
    if (names.includes(name))
      return fault("failover-duplicate", `${quote(name)} is named twice`, "name it once", [index]);
    names.push(name);
  }
  return names;
}

/** What to do while the tunnel is down: a word, or `{ failover: [other, tunnels] }`. */
export const fallback = fallbackField(RULE_FALLBACKS).meta({ id: "Fallback" });

/** The same for the default, which no rule follows. */
export const defaultFallback = fallbackField(DEFAULT_FALLBACKS).meta({ id: "DefaultFallback" });
