import { z } from "zod";
import { action, fieldChange, formatVersion, list, note, resourceKey, resourceKind } from "./common.ts";
import { verifyDocument } from "./verify.ts";

const configHash = z.string().describe("Hash of the config's files. Empty for a destroy.");

const specBefore = z.unknown().describe("Spec before the step, or null. Secrets are replaced by a fingerprint.");
const specAfter = z.unknown().describe("Spec after the step, or null. Secrets are replaced by a fingerprint.");

const step = z
  .object({
    key: resourceKey,
    kind: resourceKind,
    action,
    phase: z
      .enum(["prepare", "flip", "retire"])
      .describe("Additions that nothing uses yet; routes, rules, policy and resolver; removal of the old."),
    before: specBefore,
    after: specAfter,
    changes: list(fieldChange),
    reason: z.string().describe("For people; the words may change."),
  })
  .meta({ id: "Step" });

const pathNow = z.string().describe("Path now: a tunnel, direct or block.");
const pathAfter = z.string().describe("Path after the change.");

const affectedProgram = z
  .object({ pid: z.int(), program: z.string().describe("Its name for people."), from: pathNow, to: pathAfter })
  .meta({ id: "AffectedProgram" });

const affectedFlow = z
  .object({
    pid: z.int(),
    program: z.string().describe("Its name for people."),
    protocol: z.enum(["tcp", "udp"]),
    destination: z.string(),
    port: z.int(),
    from: pathNow,
    to: pathAfter,
  })
  .meta({ id: "AffectedFlow" });

export const planDocument = z
  .object({
    formatVersion: formatVersion,
    configHash,
    hostFingerprint: z.string().describe("Host and network namespace that the plan is for."),
    inSync: z.boolean().describe("Nothing is to be done; then steps is empty."),
    traffic: z.string().describe("The effect on packets during and after the change, for people."),
    affected: z
      .object({
        programs: list(affectedProgram).describe("Running programs that can send and get another path."),
        flows: list(affectedFlow),
        more: z.int().describe("How many flows are not listed."),
      })
      .describe(
        "Running programs and their open flows that take another path after the change; connections may break.",
      ),
    notes: list(note),
    unchanged: list(resourceKey).describe("Resources that already are as the config says."),
    steps: list(step).describe("In the order they run. A resource may have several steps."),
    verification: verifyDocument.exactOptional().describe("With --verify only."),
  })
  .describe("Steps from the present state of the host to the config.");

const difference = z
  .object({
    key: resourceKey,
    action,
    before: specBefore,
    after: specAfter,
    changes: list(fieldChange),
    reason: z.string(),
  })
  .meta({ id: "Difference" });

export const diffDocument = z
  .object({
    formatVersion: formatVersion,
    configHash,
    inSync: z.boolean().describe("There are no differences."),
    differences: list(difference),
  })
  .describe("Differences between the host and a config, or a generation (awg diff @N).");

export const generationsDiffDocument = z
  .object({
    formatVersion: formatVersion,
    from: z.int().describe("Number of a generation."),
    to: z.int().describe("Number of a generation."),
    inSync: z.boolean().describe("There are no differences."),
    differences: list(difference),
  })
  .describe("Differences between two generations (awg diff @N @M).");
