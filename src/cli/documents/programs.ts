import { z } from "zod";
import { enforcement, formatVersion, list, time } from "./common.ts";

const programRule = z
  .object({
    origin: z.string().describe("The rule in the config: rules/2 (browser), default."),
    via: z.string().describe("A tunnel, direct or block."),
    fallback: z.string().nullable().describe("Path while the tunnel is down."),
    enforcement,
    reason: z.string().nullable().describe("Why the rule is kept no better."),
  })
  .meta({ id: "ProgramRule" });

export const programLine = z
  .object({
    pid: z.int().describe("0 for a program that does not run (explain --app)."),
    parentPid: z.int().describe("0 where there is none."),
    uid: z.int().nullable().describe("Effective user."),
    user: z.string().nullable().describe("Name of the user."),
    name: z.string().describe("Name of the process, which it may change itself."),
    path: z.string().nullable().describe("The program's file."),
    kernelThread: z.boolean(),
    replaced: z.boolean().describe("The file was deleted or replaced since the program started."),
    started: time.nullable(),
    cgroup: z.string().nullable().describe("Control group, below the root group."),
    bundleIds: list(z.string()).nullable().describe("Bundles that hold the file, the nearest first (macOS)."),
    signer: z.string().nullable().describe("Team that signed the program, or apple (macOS)."),
    sockets: z.int().nullable().describe("Number of open TCP and UDP sockets."),
    class: z
      .int()
      .nullable()
      .describe("Class of its sockets by the accepted rules; 0 is a socket without one (Linux)."),
    rule: programRule.nullable().describe("The first rule that certainly applies. Null where no rules are known."),
    perhaps: list(programRule.extend({ why: z.enum(["depends", "unknown"]) }).meta({ id: "PossibleRule" })).describe(
      "Earlier rules that may apply: to some of the traffic (depends), or because something could not be read (unknown).",
    ),
  })
  .meta({ id: "Program", description: "A process. Unreadable values are null." });

export const programsDocument = z
  .object({
    formatVersion: formatVersion,
    rulesOf: z.enum(["config", "accepted", "nothing"]).describe("The source of the rules."),
    generation: z.int().nullable().describe("The accepted generation, where its rules are shown."),
    programs: list(programLine),
    unseen: list(z.string()).describe("Unreadable parts, a sentence each."),
  })
  .describe("Programs, each with the rule that applies to it.");

export const programEvent = z
  .union([
    programLine.extend({ formatVersion: formatVersion, event: z.literal("started") }).meta({ id: "StartedProgram" }),
    z.object({ formatVersion: formatVersion, event: z.literal("ended"), pid: z.int() }),
    z
      .object({ formatVersion: formatVersion, event: z.literal("missed") })
      .describe("The kernel dropped events; awg ps lists what runs now."),
  ])
  .describe("One line of awg ps --watch --json.");
