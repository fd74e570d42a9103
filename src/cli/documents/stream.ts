import { z } from "zod";
import { outcomeFields } from "./change.ts";
import { action, fieldChange, formatVersion, list, resourceKey, resourceKind, time } from "./common.ts";
import { errorFields } from "./files.ts";
import { statusDocument } from "./status.ts";

const at = time.describe("Time of the event, by the wall clock.");

const versionLine = z
  .object({ type: z.literal("version"), at, formatVersion: formatVersion, awg: z.string() })
  .meta({ id: "VersionLine", description: "The first line of every stream." });

const phase = z.enum(["prepare", "flip", "retire"]);

const batch = z
  .object({
    kind: resourceKind,
    phase,
    steps: list(
      z
        .object({
          key: resourceKey,
          kind: resourceKind,
          action,
          phase,
          before: z.unknown().describe("Spec before the step, or null. Secrets are replaced by a fingerprint."),
          after: z.unknown().describe("Spec after the step, or null. Secrets are replaced by a fingerprint."),
          changes: list(fieldChange),
          reason: z.string(),
        })
        .meta({ id: "BatchStep" }),
    ),
  })
  .meta({ id: "Batch", description: "Steps of one kind that are carried out together." });

const index = z.int().nonnegative().describe("Counts from 0.");
const total = z.int();

export const streamEvent = z
  .union([
    versionLine,
    z.object({ type: z.literal("heartbeat"), at }).describe("Sent every 5 seconds while awg works."),
    z.object({ type: z.literal("batch-start"), at, index, total, batch }).describe("A batch of steps begins."),
    z.object({ type: z.literal("batch-done"), at, index, total, batch }).describe("The batch is done."),
    z
      .object({ type: z.literal("verify"), at, attempt: z.int(), differing: list(z.string()) })
      .describe("The host was read back; differing lists what is not yet as planned."),
    z
      .object({
        type: z.literal("probe"),
        at,
        name: z.string(),
        result: z.object({ passed: z.boolean(), detail: z.string(), address: z.string().exactOptional() }),
      })
      .describe("A probe of the config passed or failed."),
    z.object({ type: z.literal("rollback"), at, cause: z.string() }).describe("The change failed and is being undone."),
    z.object({ type: z.literal("undo-start"), at, index, batch }).describe("A batch of steps is being undone."),
    z
      .object({ type: z.literal("blocked"), at, cause: z.string() })
      .describe("The rollback failed; traffic is blocked."),
    z
      .object({ type: z.literal("unconfirmed"), at, seconds: z.int() })
      .describe("Applied. It is reverted unless it is confirmed within this time."),
    z.object({ type: z.literal("result"), at, ...outcomeFields }).describe("The last line where the change succeeded."),
    z
      .object({
        type: z.literal("interrupted"),
        at,
        signal: z.enum(["SIGINT", "SIGTERM", "SIGHUP"]),
        message: z.string(),
      })
      .describe("The last line where a signal ended the change."),
    z.object({ type: z.literal("error"), at, error: errorFields }).describe("The last line where the change failed."),
  ])
  .describe("One line of awg apply, rollback or destroy with --json-stream.");

export const daemonEvent = z
  .union([
    versionLine,
    z.object({ type: z.literal("woken"), at, reasons: list(z.string()) }).describe("The daemon reads the host again."),
    z
      .object({
        type: z.literal("inSync"),
        at,
        filesNotApplied: z
          .boolean()
          .exactOptional()
          .describe("The files have another config; a problem line says why it is not applied."),
      })
      .describe("The host is as the accepted config says."),
    z
      .object({ type: z.literal("applying"), at, keys: list(z.string()), proposed: z.boolean() })
      .describe("These resources are being changed: by a new config if proposed, else repaired."),
    z.object({ type: z.literal("applied"), at, keys: list(z.string()) }).describe("These resources were changed."),
    z
      .object({
        type: z.literal("stalled"),
        at,
        reason: z.string(),
        retryInMs: z.number(),
        fight: z.literal(true).exactOptional().describe("Other programs keep changing the same resources."),
      })
      .describe("The host cannot be brought to the config now; the next attempt follows."),
    z
      .object({ type: z.literal("contended"), at, keys: list(z.string()), waitMs: z.number(), by: list(z.string()) })
      .describe("Other programs change the same resources again and again."),
    z
      .object({
        type: z.literal("guarded"),
        at,
        wrong: z.string(),
        restored: z.enum(["yes", "unheld", "blocked", "no"]),
        refusal: z.string().exactOptional(),
        isOutdated: z.literal(true).exactOptional().describe("No program changed it: the network is another one."),
        by: z.string().exactOptional().describe("The program that changed the packet filter."),
      })
      .describe("The packet filter was changed by another program; restored says whether it is back."),
    z
      .object({
        type: z.literal("fallback"),
        at,
        devices: list(z.string()),
        switches: list(z.object({ device: z.string(), by: z.string().nullable() })),
      })
      .describe("Tunnels that are down, and which tunnels carry their traffic; by is null where it goes direct."),
    z
      .object({ type: z.literal("probe"), at, name: z.string(), passed: z.boolean(), detail: z.string() })
      .describe("A probe of the config passed or failed."),
    z
      .object({
        type: z.literal("override"),
        at,
        what: z.enum(["down", "up", "pause", "portal"]).nullable(),
        until: time.nullable(),
      })
      .describe("A state that holds for a time began; null if it has ended."),
    z
      .object({
        type: z.literal("protection"),
        at,
        holds: z.boolean(),
        reason: z
          .enum(["KillSwitchOff", "Paused", "FallbackDirect", "FilterLost"])
          .exactOptional()
          .describe("Why it does not hold, or did not hold before."),
      })
      .describe("The kill switch holds for all traffic from now on, or does not."),
    z
      .object({
        type: z.literal("portal"),
        at,
        state: z.enum(["found", "open", "passed", "closed", "left"]),
        url: z.string(),
        detail: z.string().exactOptional().describe("Why the page is not open."),
      })
      .describe("The login page of a network: found and not opened, open, passed, or closed."),
    z.object({ type: z.literal("problem"), at, text: z.string() }).describe("A problem of the config or the host."),
    z
      .object({ type: z.literal("status"), at, status: statusDocument })
      .describe("In awg events: the status of the host changed."),
    z.object({ type: z.literal("stopped"), at }).describe("The daemon ended; the host stays as it is."),
  ])
  .describe("One line of awg daemon --json, on standard error, or of awg events --json.");
