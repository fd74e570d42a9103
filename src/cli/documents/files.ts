import { z } from "zod";
import { facts, formatVersion, list, note } from "./common.ts";

const problem = z
  .object({
    id: z.string().describe("Stable id; docs/reference/problems.md lists them."),
    severity: z.enum(["error", "warning"]),
    file: z.string(),
    line: z.int().positive(),
    column: z.int().positive().describe("In UTF-16 units."),
    endColumn: z.int().positive().exactOptional().describe("First column after the faulty text."),
    message: z.string(),
    remedy: z.string().describe("The value or form that would be right."),
    excerpt: z.string().exactOptional().describe("The line as written. Secrets are masked."),
    excerptColumn: z
      .int()
      .positive()
      .exactOptional()
      .describe("Column of the excerpt's first character; 1 when absent."),
  })
  .meta({ id: "Problem" });

export const validateDocument = z
  .object({
    formatVersion: formatVersion,
    valid: z.boolean(),
    problems: list(problem),
    otherEnds: list(
      z
        .object({
          tunnel: z.string(),
          version: z.string().describe("AmneziaWG version of the tunnel's config."),
          peerVersion: z.string().nullable().describe("AmneziaWG version that the peer needs. Null: any WireGuard."),
          releases: list(z.string()).describe("Oldest release of each program that can be the peer."),
          limits: list(z.string()).describe("Limits of releases that can be the peer."),
        })
        .meta({ id: "OtherEnd" }),
    ).describe("For each AmneziaWG tunnel: the programs that can be its peer."),
    refusedSecrets: list(z.string()).describe("Secret files that a plan would refuse for their mode or owner."),
    missingSecrets: list(z.string()).describe("Secret files and environment variables that do not exist here."),
  })
  .describe("Problems of a config.");

const importFinding = z
  .object({
    severity: z.enum(["error", "note"]),
    place: z.string().describe("wg0.conf:7, or the key of a JSON document."),
    message: z.string(),
    remedy: z.string().describe("May be empty."),
  })
  .meta({ id: "ImportFinding" });

export const importDocument = z
  .object({
    formatVersion: formatVersion,
    config: z.string().exactOptional().describe("The config as YAML, where no file was named with --out."),
    written: list(z.string()).describe("Files that were written."),
    findings: list(importFinding),
  })
  .describe("The result of an import.");

export const renderDocument = z
  .object({
    formatVersion: formatVersion,
    system: z.enum(["linux", "macos"]),
    parts: list(z.object({ key: z.string(), text: z.string() })),
    left: list(z.string()).describe("Parts that the text lacks, with the reason."),
    notes: list(note),
  })
  .describe("The objects that would be loaded, in the syntax of the system's tools.");

export const doctorDocument = z
  .object({
    formatVersion: formatVersion,
    healthy: z.boolean().describe("No finding is a fault."),
    findings: list(
      z
        .object({
          id: z.string().describe("Stable id; docs/reference/doctor.md lists them."),
          severity: z.enum(["fault", "note"]).describe("A fault stops awg from working or leaves traffic unprotected."),
          what: z.string(),
          evidence: list(z.string()),
          consequence: z.string().exactOptional().describe("The cost of the remedy."),
          remedy: list(z.string()).describe("Commands, in order."),
        })
        .meta({ id: "DoctorFinding" }),
    ),
    lookedAt: list(z.string()).describe("The examined parts."),
  })
  .describe("Findings about the host and the installation.");

/** `Purpose` of src/app/capabilities. */
const MECHANISM_PURPOSES = [
  "runtime",
  "tunnels",
  "packet-filter",
  "dns",
  "program-rules",
  "process-list",
  "process-name",
  "socket-owner",
  "traffic-monitor",
  "network-monitor",
  "upload-rate",
  "download-rate",
  "priority",
] as const;

export const capabilitiesDocument = z
  .object({
    formatVersion: formatVersion,
    system: z.enum(["linux", "darwin"]),
    mechanisms: list(
      z
        .object({
          id: z.string().describe("Stable id."),
          purpose: z.enum(MECHANISM_PURPOSES).describe("The purpose that it serves."),
          name: z.string().describe("Its name in the system's words."),
          available: z.boolean().describe("It was tried, and works."),
          text: z.string().describe("Its use for awg, or the missing part."),
        })
        .meta({ id: "Mechanism" }),
    ),
    refused: list(z.object({ feature: z.string(), reason: z.string() })).describe(
      "Keys of the config, or values of them, that a plan refuses on this system.",
    ),
  })
  .describe("The mechanisms of this host.");

export const versionDocument = z
  .object({
    formatVersion: formatVersion,
    awg: z.string(),
    node: z.string(),
    system: z.string().describe("linux-x64, darwin-arm64."),
  })
  .describe("The version of awg and of what runs it.");

export const errorFields = z
  .object({
    kind: z.string().describe("Stable word; docs/reference/exit-codes.md lists them."),
    message: z.string(),
    remedy: z.string().exactOptional().describe("The remedy."),
    facts,
    exitCode: z.int().describe("Exit code of the process."),
  })
  .meta({ id: "Error" });

export const errorDocument = z
  .object({ formatVersion: formatVersion, error: errorFields })
  .describe("Why a verb failed.");
