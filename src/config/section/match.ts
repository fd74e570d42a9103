import { z } from "zod";
import { LAST_UID } from "../../model/firewall/packet.ts";
import { keyMeta } from "../feature/support.ts";
import { type Fault, fault, isFault, leaf, oneOrMany, quote, wrongType } from "../field/leaf.ts";
import { upTo } from "../field/number-pattern.ts";
import { TEXT_PATTERN } from "../field/patterns.ts";
import { type PortRange, portRange } from "../field/port.ts";
import { checkCommandRegex, checkContained, checkPathPattern, checkRegex } from "../field/regex.ts";
import { boolean, checkAbsolutePath, checkText, checkWholeNumber, oneOf, text } from "../field/scalar.ts";
import { MATCH_CONSTRAINTS } from "./constraints.ts";
import { type Destination, destination } from "./destination.ts";
import { build, type OneKeyReader, oneKeyForms, readOneKey } from "./one-key.ts";

/** How a program is recognised. */
export type AppMatcher =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "dir"; readonly dir: string }
  | { readonly kind: "contains"; readonly contains: string }
  | { readonly kind: "regex"; readonly regex: string }
  | { readonly kind: "bundleId"; readonly bundleId: string }
  | { readonly kind: "signer"; readonly signer: string };

export type { Destination } from "./destination.ts";

export const PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp", "gre", "esp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The network that the host is in; the fields of one entry are AND-ed. */
export interface NetworkCondition {
  readonly ssid?: string;
  readonly gatewayMac?: string;
  readonly interface?: string;
  readonly wired?: boolean;
}

/** What a rule matches: fields are AND-ed, the values of one field OR-ed. */
export interface Match {
  readonly apps?: readonly AppMatcher[];
  readonly users?: readonly string[];
  readonly cgroups?: readonly string[];
  readonly commandLine?: readonly string[];
  readonly parent?: readonly AppMatcher[];
  readonly children?: boolean;
  readonly destinations?: readonly Destination[];
  readonly ports?: readonly PortRange[];
  readonly protocol?: readonly Protocol[];
  readonly when?: readonly NetworkCondition[];
  readonly all?: readonly Match[];
  readonly any?: readonly Match[];
  readonly not?: Match;
}

/** The keys of a Match that ask something, in the order they are documented. */
export const MATCH_KEYS = [
  "apps",
  "users",
  "cgroups",
  "commandLine",
  "parent",
  "destinations",
  "ports",
  "protocol",
  "when",
  "all",
  "any",
  "not",
] as const satisfies readonly (keyof Match)[];

const APP_READERS: OneKeyReader<AppMatcher> = {
  path: (value) => build(checkPathPattern(value), (path) => ({ kind: "path", path })),
  dir: (value) => build(checkAbsolutePath(value), (dir) => ({ kind: "dir", dir })),
  contains: (value) => build(checkContained(value), (contains) => ({ kind: "contains", contains })),
  regex: (value) => build(checkRegex(value), (regex) => ({ kind: "regex", regex })),
  bundleId: (value) => build(checkText(value), (bundleId) => ({ kind: "bundleId", bundleId })),
  signer: (value) => build(checkText(value), (signer) => ({ kind: "signer", signer })),
};

/** What the one key of a form accepts, for the JSON Schema. */
const FORMS = {
  path: { type: "string", minLength: 1, pattern: "^/" },
  dir: { type: "string", minLength: 1, pattern: "^/" },
};

/** The kernel's classifier cuts names after 63 bytes: two that are this long may look the same to it. */
const MOST_NAME_BYTES = 62;
const NAME_PATTERN = TEXT_PATTERN.replace("[^", "[^/");

const appMatcher = leaf(
  {
    anyOf: [
      { type: "string", minLength: 1, maxLength: MOST_NAME_BYTES, pattern: NAME_PATTERN },
      ...oneKeyForms(APP_READERS, FORMS),
    ],
  },
  (input) =>
    typeof input === "object" && input !== null
      ? readOneKey(input, APP_READERS, "an application")
      : build<AppMatcher>(checkAppName(input), (name) => ({ kind: "name", name })),
).meta({ id: "AppMatcher" });

function checkAppName(input: unknown): string | Fault {
  const name = checkText(input);
  if (isFault(name)) return name;
  if (name.includes("/")) {
    const path = name.startsWith("/") ? quote(name) : "/…";
    return fault("app-name", 'a program name has no "/"', `write { path: ${path} }, or { dir } for a folder`);
  }
  if (new TextEncoder().encode(name).length <= MOST_NAME_BYTES) return name;
  return fault("app-name", `a program name has at most ${MOST_NAME_BYTES} bytes`, "write { path: /… }");
}

const gatewayMac = leaf(
  { type: "string", pattern: "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$" },
  (input): string | Fault => {
    if (typeof input !== "string") return wrongType(input, "a MAC address such as 02:00:00:aa:bb:cc");
    if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(input)) return input.toLowerCase();
    return fault("address-syntax", `${quote(input)} is not a MAC address`, "for example 02:00:00:aa:bb:cc");
  },
);

const networkCondition = z
  .strictObject({
    ssid: text(32).describe("Name of the wireless network.").exactOptional(),
    gatewayMac: gatewayMac.describe("MAC address of the gateway.").exactOptional(),
    interface: text(15).describe("Interface that carries the default route.").exactOptional(),
    wired: boolean().describe("Whether the network is wired.").exactOptional(),
  })
  .meta({ id: "NetworkCondition" });

const user = leaf(
  {
    form: "name or number",
    anyOf: [
      { type: "string", minLength: 1, maxLength: 64, pattern: "^(?![0-9]*$)" },
      { type: "string", pattern: `^${upTo(LAST_UID)}$` },
      { type: "integer", minimum: 0, maximum: LAST_UID },
    ],
  },
  (input): string | Fault => {
    const isNumber = typeof input === "number" || (typeof input === "string" && /^[0-9]+$/.test(input));
    if (!isNumber) return checkText(input, 64);
    const uid = checkWholeNumber(Number(input), 0, LAST_UID);
    return isFault(uid) ? uid : String(uid);
  },
);

const pattern = leaf({ type: "string", minLength: 1 }, checkCommandRegex);

/**
 * The fields of a match, to be spread into what carries one. New for each: a match may contain others, and the JSON
 * Schema must name Match, not one of its fields, for that.
 */
export const matchFields = () => ({
  apps: oneOrMany(appMatcher)
    .meta(
      keyMeta(
        "Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and **.",
        "match.apps",
        "match.contains",
        "match.regex",
      ),
    )
    .exactOptional(),
  users: oneOrMany(user)
    .meta(keyMeta("Users that the program runs as: names or numbers.", "match.users"))
    .exactOptional(),
  cgroups: oneOrMany(text(4096))
    .meta(keyMeta("Linux control groups, as paths below the root group.", "match.cgroups"))
    .exactOptional(),
  commandLine: oneOrMany(pattern)
    .meta(keyMeta("Regular expressions, found anywhere in the command line.", "match.commandLine"))
    .exactOptional(),
  parent: oneOrMany(appMatcher)
    .meta(keyMeta("A program among the ancestors, written as in apps.", "match.parent"))
    .exactOptional(),
  children: boolean()
    .meta(keyMeta("Whether apps also match what these programs start; true unless it is false.", "match.apps"))
    .exactOptional(),
  destinations: oneOrMany(destination)
    .meta(keyMeta("Prefixes or addresses, or { domain | list | geoip }.", "match.domain", "match.list", "match.geoip"))
    .exactOptional(),
  ports: oneOrMany(portRange()).describe("Destination ports, each 443 or 8000-8999.").exactOptional(),
  protocol: oneOrMany(oneOf(PROTOCOLS)).describe("tcp, udp, icmp, icmpv6, sctp, gre or esp.").exactOptional(),
  when: oneOrMany(networkCondition)
    .meta(keyMeta("Networks in which the rule applies.", "match.when", "match.ssid"))
    .exactOptional(),
  all: z
    .array(z.lazy(() => matchSchema))
    .min(1)
    .meta(keyMeta("Matches that must all hold.", "match.nested"))
    .exactOptional(),
  any: z
    .array(z.lazy(() => matchSchema))
    .min(1)
    .meta(keyMeta("Matches of which one must hold.", "match.nested"))
    .exactOptional(),
  not: z
    .lazy(() => matchSchema)
    .meta(keyMeta("A match that must not hold.", "match.nested"))
    .exactOptional(),
});

/** A match by itself, as in `all`, `any`, `not` and in invariants. */
export const matchSchema: z.ZodType<Match> = z
  .lazy(() => z.strictObject(matchFields()))
  .meta({ id: "Match", ...MATCH_CONSTRAINTS });
