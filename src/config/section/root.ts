import { z } from "zod";
import { keyMeta } from "../feature/support.ts";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "../field/leaf.ts";
import { oneOf, text } from "../field/scalar.ts";
import { captivePortalSchema } from "./captive-portal.ts";
import { INVARIANT_CONSTRAINTS, MATCH_CONSTRAINTS, ROOT_CONSTRAINTS } from "./constraints.ts";
import { dnsSchema } from "./dns/dns.ts";
import { killSwitchSchema } from "./kill-switch.ts";
import * as machine from "./machine.ts";
import { type Match, matchFields } from "./match.ts";
import { checkTunnelName, RESERVED_TUNNEL_NAMES, TUNNEL_NAME, type Via, via } from "./path.ts";
import { defaultSchema, ruleSchema } from "./rule.ts";
import { tunnelSchema } from "./tunnel.ts";

const apiVersion = leaf({ const: "awg/v1" }, (input): "awg/v1" | Fault => {
  if (input === "awg/v1") return input;
  const message = typeof input === "string" ? `${quote(input)} is not a version that this awg reads` : "not a version";
  return fault("api-version", message, "use awg/v1");
});

const requires = leaf({ type: "string", pattern: "^>=\\s*[0-9]+\\.[0-9]+(\\.[0-9]+)?$" }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, `">=0.1"`);
  if (/^>=\s*[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})?$/.test(input)) return input.replace(/\s/g, "");
  return fault("requires-version", `${quote(input)} is not a version requirement`, `for example ">=0.1"`);
});

/**
 * `checkTunnelNames` checks a name: a key refused here would hide every problem below it. Refused here is what every
 * object has, such as toString.
 */
const tunnelName = z
  .string()
  .superRefine((name, context) => {
    const result = name in Object.prototype ? checkTunnelName(name) : name;
    if (!isFault(result)) return;
    const params = { id: result.fault, remedy: result.remedy };
    context.issues.push({ code: "custom", input: undefined, message: result.message, params });
  })
  .meta({ pattern: TUNNEL_NAME, not: { enum: RESERVED_TUNNEL_NAMES } });

/** A claim about paths that must hold for every packet the match describes. */
export interface PathClaim extends Match {
  readonly via: Via;
}

const pathClaim: z.ZodType<PathClaim> = z
  .strictObject({
    ...matchFields(),
    via: via().describe("The path that is forbidden (never) or required (always)."),
  })
  .meta({ id: "PathClaim", ...MATCH_CONSTRAINTS });

const invariant = z
  .strictObject({
    name: text(64).describe("A name for messages.").exactOptional(),
    never: pathClaim.describe("No matching packet may take this path.").exactOptional(),
    always: pathClaim.describe("Every matching packet takes this path, or is dropped.").exactOptional(),
  })
  .meta(INVARIANT_CONSTRAINTS);

/** The whole configuration, as it may be written. */
export const rootSchema = z
  .strictObject({
    apiVersion: apiVersion.describe("Version of the config language: awg/v1."),
    name: text(64).describe("Name of the host or of the config, for status.").prefault("machine"),
    requires: requires.describe('Version of awg that the config needs, such as ">=0.1".').exactOptional(),
    include: machine.includeSchema.describe("More files, read relative to this one.").prefault([]),
    tunnels: z.record(tunnelName, tunnelSchema).describe("Tunnels and proxies, by name.").prefault({}),
    rules: z.array(ruleSchema).describe("Rules that choose the path of traffic. The first match wins.").prefault([]),
    default: defaultSchema.describe("Path of traffic that no rule matches."),
    killSwitch: killSwitchSchema
      .describe("Drop every packet outside the tunnels that is not allowed. Required when the default is a tunnel.")
      .exactOptional(),
    dns: dnsSchema.describe("DNS servers, and the path to them.").exactOptional(),
    ipv6: oneOf(["auto", "block"]).describe("auto: carried by tunnels that carry IPv6, else blocked.").prefault("auto"),
    geoip: machine.geoipSchema.describe("The database of countries for rules.").exactOptional(),
    service: machine.serviceSchema.meta(keyMeta("The system service.", "service")).exactOptional(),
    systemExtension: machine.systemExtensionSchema
      .meta(keyMeta("A system extension.", "systemExtension"))
      .exactOptional(),
    update: machine.updateSchema.meta(keyMeta("Updates of awg.", "update")).exactOptional(),
    invariants: z.array(invariant).describe("Claims about paths that must hold. Proven before an apply.").prefault([]),
    lifecycle: machine.lifecycleSchema
      .meta(keyMeta("Resources that are protected or kept, and fields that awg ignores.", "lifecycle"))
      .exactOptional(),
    moved: z.array(machine.movedSchema).meta(keyMeta("Tunnels that were renamed.", "moved")).prefault([]),
    probes: z.array(machine.probeSchema).meta(keyMeta("Checks of the network.", "probes")).prefault([]),
    reconcile: machine.reconcileSchema
      .meta(keyMeta("When the daemon reads the host again.", "reconcile"))
      .exactOptional(),
    conflicts: machine.conflictsSchema
      .meta(
        keyMeta(
          "The reaction to another program's change of a field: assert (restore it), yield (leave it), adopt (take over a device).",
          "conflicts",
          "conflicts.adopt",
        ),
      )
      .prefault({}),
    captivePortal: captivePortalSchema
      .meta(keyMeta("Networks that want a login in the browser first.", "captivePortal"))
      .exactOptional(),
    api: machine.apiSchema.meta(keyMeta("The group that may use the API, and its address.", "api")).exactOptional(),
    fleet: machine.fleetSchema.meta(keyMeta("Read the config from a repository.", "fleet")).exactOptional(),
  })
  .meta(ROOT_CONSTRAINTS);

/** A config as zod read it, before values that depend on several keys are filled in. */
export type RootInput = z.output<typeof rootSchema>;
