import { z } from "zod";
import { keyMeta } from "../feature/support.ts";
import { duration } from "../field/duration.ts";
import { endpoint } from "../field/endpoint.ts";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "../field/leaf.ts";
import { boolean, checkAbsolutePath, checkText, oneOf, text } from "../field/scalar.ts";
import { HTTP_CONSTRAINTS, PROBE_CONSTRAINTS, UPDATE_CONSTRAINTS } from "./constraints.ts";
import { via } from "./path.ts";

/** minisign's base64 public key: 42 bytes, algorithm "Ed", key id and key, so it always begins with RW. */
const updateKey = leaf({ type: "string", pattern: "^RW[A-Za-z0-9+/]{54}$" }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, "a minisign public key");
  if (/^RW[A-Za-z0-9+/]{54}$/.test(input)) return input;
  const id = /^RW[A-Za-z0-9+/=]*$/.test(input) ? "key-length" : "key-syntax";
  return fault(id, "not a minisign public key", "expected 56 characters that begin with RW");
});

/** The system service. */
export const serviceSchema = z.strictObject({
  install: boolean().describe("Install the system service.").prefault(true),
  autostart: boolean().describe("Start it at boot.").prefault(true),
  notifications: boolean()
    .describe("Show a desktop notification when protection is lost or cannot be repaired.")
    .prefault(false),
});

/** Where geoipupdate(1) puts the database of countries. */
export const GEOIP_DATABASE = "/usr/share/GeoIP/GeoLite2-Country.mmdb";

const absolutePath = leaf({ type: "string", minLength: 1, maxLength: 4096, pattern: "^/" }, checkAbsolutePath);

/** The database that `destinations: [{ geoip }]` reads. */
export const geoipSchema = z.strictObject({
  database: absolutePath.describe("A MaxMind DB file with the country of each network.").prefault(GEOIP_DATABASE),
});

/** The macOS system extension. */
export const systemExtensionSchema = z.strictObject({
  bundle: text(155).describe("Bundle identifier, such as com.example.app."),
  state: oneOf(["present", "absent"]).describe("Whether it is installed.").prefault("present"),
});

/** Updates of awg itself. */
export const updateSchema = z
  .strictObject({
    channel: oneOf(["stable", "beta"]).describe("Releases that are offered.").prefault("stable"),
    automatic: boolean().describe("Install updates without asking.").prefault(false),
    publicKey: updateKey.describe("minisign public key that releases must be signed with.").exactOptional(),
  })
  .meta(UPDATE_CONSTRAINTS);

/** When the host is observed again. */
export const reconcileSchema = z.strictObject({
  quiet: duration(0, 60).describe("Wait until there were no events for this long.").prefault(0.2),
  longest: duration(0, 600).describe("Wait no longer than this while events keep coming.").prefault(2),
  driftEvery: duration(1, 86400).describe("Read the whole host this often although nothing happened.").prefault(30),
});

/** Checks of the network that run after an apply and while awg runs. */
export const probeSchema = z
  .strictObject({
    name: text(64).describe("Name for status."),
    type: oneOf(["ping", "tcp", "http", "dns"]).describe("How the target is checked."),
    target: text(1024).describe("An address, host:port, URL or name."),
    via: via().meta(keyMeta("Path of the probe; the default path when absent.", "probe.direct")).exactOptional(),
    required: boolean().describe("Roll an apply back when it fails.").prefault(false),
    every: duration(1, 86400).describe("How often it runs.").prefault(60),
    timeout: duration(0.1, 60).describe("When it counts as failed.").prefault(5),
  })
  .meta(PROBE_CONSTRAINTS);

/** What groupadd(8) allows, and no word that begins like an option. */
const GROUP_NAME = "^[A-Za-z_][A-Za-z0-9_.-]{0,30}\\$?$";

const groupName = leaf({ type: "string", pattern: GROUP_NAME }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, "the name of a group");
  if (new RegExp(GROUP_NAME).test(input)) return input;
  return fault("text-characters", `${quote(input)} is not the name of a Unix group`, "for example netadmin");
});

/** Who may use the API, and where it answers beside its unix socket. */
export const apiSchema = z.strictObject({
  group: groupName
    .describe("Members of this Unix group may use the API's socket, as good as root. Default: awg.")
    .exactOptional(),
  http: endpoint()
    .meta({
      description: "Loopback address and port where viewers read status, events and metrics with a token.",
      ...HTTP_CONSTRAINTS,
    })
    .exactOptional(),
});

/** Taking the configuration from elsewhere. */
export const fleetSchema = z.strictObject({
  source: text(2048).describe("Repository or URL of the config."),
  branch: text(255).describe("Branch of the repository.").exactOptional(),
  publicKeys: z.array(text(255)).min(1).describe("The config must be signed by one of these keys."),
  every: duration(10, 604800).describe("How often it is read.").prefault(300),
});

/** What an apply may not do to single resources. */
export const lifecycleSchema = z.strictObject({
  protect: z.array(text()).describe("Resources, as kind/name, that must not be destroyed.").prefault([]),
  retain: z.array(text()).describe("Resources that stay on the host when they leave the config.").prefault([]),
  ignore: z
    .array(text())
    .describe("Fields that awg leaves alone when others change them: /link/office/mtuBytes.")
    .prefault([]),
});

/** A tunnel that has a new name. */
export const movedSchema = z.strictObject({
  from: text().describe("Old name of a tunnel: tunnel/office."),
  to: text().describe("Its new name: tunnel/work. It keeps its device, its table and its sessions."),
});

/** Files to read in addition; a folder means its .yaml, .yml and .json files. */
export const includeSchema = z.array(text(4096));

/** The key of a map, named by a person; its faults are reported like those of a value. */
const fieldName = z
  .string()
  .min(1)
  .superRefine((name, context) => {
    const result = checkText(name);
    if (name === "" || !isFault(result)) return;
    const params = { id: result.fault, remedy: result.remedy };
    context.issues.push({ code: "custom", input: undefined, message: result.message, params });
  });

/** How to proceed when another program writes the same field. */
export const conflictsSchema = z.record(fieldName, oneOf(["assert", "yield", "adopt"]));
