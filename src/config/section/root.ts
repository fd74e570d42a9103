import { z } from "zod";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "../field/leaf.ts";
import { oneOf, text } from "../field/scalar.ts";
import { dnsSchema } from "./dns.ts";
import { killSwitchSchema } from "./kill-switch.ts";
import * as machine from "./machine.ts";
import { type Match, matchFields } from "./match.ts";
import { checkTunnelName, type Via, via } from "./path.ts";
import { defaultSchema, ruleSchema } from "./rule.ts";
import { tunnelSchema } from "./tunnel.ts";

const apiVersion = leaf({ const: "awg/v1" }, (input): "awg/v1" | Fault => {
  if (input === "awg/v1") return input;
  const message = typeof input === "string" ? `${quote(input)} is not a version this awg reads` : "this is no version";
  return fault("api-version", message, "write awg/v1");
});

const requires = leaf({ type: "string", pattern: "^>=\\s*[0-9]+\\.[0-9]+(\\.[0-9]+)?$" }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, `">=0.1"`);
  if (/^>=\s*[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})?$/.test(input)) return input.replace(/\s/g, "");
  return fault("requires-version", `${quote(input)} is not a version to ask for`, `write it like ">=0.1"`);
});

const tunnelName = z.string().superRefine((name, context) => {
  const result = checkTunnelName(name);
  if (!isFault(result)) return;
  context.issues.push({
    code: "custom",
    input: undefined,
    message: result.message,
    params: { id: result.fault, remedy: result.remedy },
  });
});

/** A claim about paths that must hold for every packet the match describes. */
export interface PathClaim extends Match {
  readonly via: Via;
}

const pathClaim: z.ZodType<PathClaim> = z
  .strictObject({
    ...matchFields(),
    via: via().describe("The path that is forbidden (never) or demanded (always)."),
  })
  .meta({ id: "PathClaim" });

const invariant = z.strictObject({
  name: text(64).describe("A name for messages.").exactOptional(),
  never: pathClaim.describe("No packet this matches may take this path.").exactOptional(),
  always: pathClaim.describe("Every packet this matches takes this path, or none.").exactOptional(),
});

/** The whole configuration, as it may be written. */
export const rootSchema = z.strictObject({
  apiVersion: apiVersion.describe("Version of this language: awg/v1."),
  name: text(64).describe("Name of the machine or of the configuration, for status.").prefault("machine"),
  requires: requires.describe('Version of awg that is needed, such as ">=0.1".').exactOptional(),
  include: machine.includeSchema.describe("More files, read relative to this one.").prefault([]),
  tunnels: z.record(tunnelName, tunnelSchema).describe("Ways out, by name.").prefault({}),
  rules: z.array(ruleSchema).describe("Which traffic takes which path; the first match wins.").prefault([]),
  default: defaultSchema.describe("The path of what no rule matches."),
  killSwitch: killSwitchSchema
    .describe(
      "Drop everything on physical interfaces that is not granted. Must be stated when the default is a tunnel.",
    )
    .exactOptional(),
  dns: dnsSchema.describe("DNS servers, their path, and what else may be asked.").exactOptional(),
  ipv6: oneOf(["auto", "block"]).describe("auto: carried where the tunnel carries it, else blocked.").prefault("auto"),
  service: machine.serviceSchema.describe("The system service.").exactOptional(),
  systemExtension: machine.systemExtensionSchema.describe("A macOS system extension.").exactOptional(),
  update: machine.updateSchema.describe("Updates of awg.").exactOptional(),
  invariants: z.array(invariant).describe("What must never, or always, be true; proven before apply.").prefault([]),
  lifecycle: machine.lifecycleSchema
    .describe("Resources that may not be destroyed, that stay, and fields that are left to others.")
    .exactOptional(),
  moved: z.array(machine.movedSchema).describe("Tunnels with new names.").prefault([]),
  probes: z.array(machine.probeSchema).describe("Checks of the network.").prefault([]),
  reconcile: machine.reconcileSchema.describe("When the machine is looked at again.").exactOptional(),
  conflicts: machine.conflictsSchema
    .describe(
      "Per field, as drift prints it, what to do where another program holds or changes it: assert (put it back, the default), yield (leave it), adopt (take the device over with its engine: /link/office/device).",
    )
    .prefault({}),
  captivePortal: machine.captivePortalSchema.describe("Networks with a sign-in page.").exactOptional(),
  api: machine.apiSchema.describe("The daemon's interfaces.").exactOptional(),
  fleet: machine.fleetSchema.describe("Taking the configuration from a repository.").exactOptional(),
  fakeIp: machine.fakeIpSchema.describe("Made-up addresses so that rules can match domains.").exactOptional(),
});

/** A configuration as zod read it, before what depends on several keys is filled in. */
export type RootInput = z.output<typeof rootSchema>;
