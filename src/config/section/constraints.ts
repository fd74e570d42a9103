import { DOMAIN_PATTERN } from "../field/patterns.ts";

/**
 * What several keys of one map must have in common, as JSON Schema for editors. `src/config/check` says it with its place
 * and remedy; a test compares both.
 */
type Json = Readonly<Record<string, unknown>>;

const has = (...required: readonly string[]): Json => ({ required });
const when = (condition: Json, then: Json): Json => ({ if: condition, then });
const oneOfThem = (keys: readonly string[]): Json => ({ anyOf: keys.map((key) => has(key)) });

/** As metadata of a map; `allOf` keeps it apart from what the map is. */
function together(...allOf: readonly Json[]): { readonly allOf: readonly Json[] } {
  return { allOf };
}

const PORTLESS = { enum: ["icmp", "icmpv6", "gre", "esp"] };
const NO_PORTS_FOR: Json = when(
  {
    properties: { protocol: { anyOf: [PORTLESS, { type: "array", contains: PORTLESS }] } },
    ...has("protocol"),
  },
  { not: has("ports") },
);

/** A match has no ports for protocols without them. */
export const MATCH_CONSTRAINTS = together(NO_PORTS_FOR);

const PRIORITY_OF_DIRECT: Json = when(
  {
    properties: { limit: { properties: { priority: { enum: ["high", "low"] } }, ...has("priority") } },
    ...has("limit"),
  },
  { properties: { via: { const: "direct" } } },
);

/** A rule matches something, and only the direct path has a queue that sorts. */
export function ruleConstraints(matchKeys: readonly string[]): ReturnType<typeof together> {
  return together(NO_PORTS_FOR, oneOfThem(matchKeys), PRIORITY_OF_DIRECT);
}

/** An invariant claims one thing. */
export const INVARIANT_CONSTRAINTS = together({ oneOf: [has("never"), has("always")] });

/** Leak protection needs a server, and answers need a path. */
export const DNS_CONSTRAINTS = together(
  {
    anyOf: [
      { properties: { leakProtection: { const: false } }, ...has("leakProtection") },
      { properties: { servers: { minItems: 1 } }, ...has("servers") },
      { properties: { split: { minProperties: 1 } }, ...has("split") },
    ],
  },
  { properties: { via: { not: { enum: ["block", "drop"] } } } },
);

/** The kill switch is stated where the default is a tunnel. */
export const ROOT_CONSTRAINTS = together(
  when(
    {
      properties: {
        default: {
          properties: { via: { type: "string", not: { enum: ["direct", "block", "drop"] } } },
          ...has("via"),
        },
      },
      ...has("default"),
    },
    has("killSwitch"),
  ),
);

/** Automatic updates are signed. */
export const UPDATE_CONSTRAINTS = together(
  when({ properties: { automatic: { const: true } }, ...has("automatic") }, has("publicKey")),
);

/** The HTTP interface is on loopback. */
export const HTTP_CONSTRAINTS = together({
  pattern: "^(127\\.0\\.0\\.1|\\[::1\\]):(10[3-9][0-9]|102[4-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|[1-9][0-9]{4})$",
});

/** IPv6 needs an MTU of 1280. */
export const TUNNEL_CONSTRAINTS = together(
  when(
    { properties: { addresses: { type: "array", contains: { type: "string", pattern: ":" } } }, ...has("addresses") },
    { properties: { mtu: { anyOf: [{ const: "auto" }, { minimum: 1280 }] } } },
  ),
);

/** Plain WireGuard has one keepalive, not a range. */
export const PLAIN_CONSTRAINTS = together(...TUNNEL_CONSTRAINTS.allOf, {
  properties: { peers: { items: { properties: { persistentKeepalive: { not: { type: "string", pattern: "-" } } } } } },
});

const PACKETS = ["i1", "i2", "i3", "i4", "i5"];
const SINCE_3_0 = [
  "headerProtectionKey",
  "contentPaddingAddition",
  "rekeyAfterTime",
  "rekeyTimeout",
  "rejectAfterTime",
  "keepaliveTimeout",
  "maxHandshakeAttempts",
];
const SINCE_3_1 = ["randomTrailers", "disableCookies"];
const HEADERS = ["h1", "h2", "h3", "h4"];
const ONLY_1_5 = ["j1", "j2", "j3", "itime"];
const without = (keys: readonly string[]): Json => ({ not: oneOfThem(keys) });
const ofVersion = (versions: readonly unknown[], then: Json): Json =>
  when({ properties: { version: { enum: versions } }, ...has("version") }, then);
const each = (keys: readonly string[], value: Json): Json => ({
  properties: Object.fromEntries(keys.map((key) => [key, value])),
});
const NO_RANGE: Json = { not: { type: "string", pattern: "^([0-9]+)-(?!\\1$)" } };
const NO_GAPS: Json = {
  dependentRequired: { i2: ["i1"], i3: ["i2"], i4: ["i3"], i5: ["i4"], j2: ["j1"], j3: ["j2"] },
};
const AT_LEAST_12 = { minimum: 12 };

/** Junk has a size, a masked header has padding, and parameters exist in the version that is named. */
export const OBFUSCATION_CONSTRAINTS = together(
  when(
    { properties: { jc: { type: "integer", minimum: 1 } }, ...has("jc") },
    { properties: { jmin: { minimum: 1 } }, ...has("jmin") },
  ),
  when(has("headerProtectionKey"), {
    properties: { s1: AT_LEAST_12, s2: AT_LEAST_12, s3: AT_LEAST_12, s4: AT_LEAST_12 },
    ...has("s1", "s2", "s3", "s4"),
  }),
  when(oneOfThem(ONLY_1_5), without([...SINCE_3_0, ...SINCE_3_1])),
  when(oneOfThem(ONLY_1_5), NO_GAPS),
  ofVersion(["1.5", 1.5], NO_GAPS),
  ofVersion(["1.0", 1], { ...without([...PACKETS, ...ONLY_1_5]), ...each(["s3", "s4"], { const: 0 }) }),
  ofVersion(["1.0", 1, "1.5", 1.5], each(HEADERS, NO_RANGE)),
  ofVersion(["1.0", 1, "1.5", 1.5, "2.0", 2], without(SINCE_3_0)),
  ofVersion(["1.0", 1, "1.5", 1.5, "2.0", 2, "3.0", 3], each(SINCE_3_1, { const: false })),
  ofVersion(["2.0", 2, "3.0", 3, "3.1", 3.1], without(ONLY_1_5)),
);

const ofType = (type: string, then: Json): Json =>
  when({ properties: { type: { const: type } }, ...has("type") }, then);
const target = (pattern: string): Json => ({ properties: { target: { pattern } } });

/** The target of a probe fits its type, and its path lets traffic pass. */
export const PROBE_CONSTRAINTS = together(
  { properties: { via: { not: { enum: ["block", "drop"] } } } },
  ofType("dns", { ...target(DOMAIN_PATTERN), not: has("via") }),
  ofType("tcp", target(":[0-9]{1,5}$")),
  ofType("http", target("^https?://[^@]+$")),
  ofType("ping", target("^[^/@ ]+$")),
);
