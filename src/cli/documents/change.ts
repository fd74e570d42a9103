import { z } from "zod";
import { formatVersion, list, time } from "./common.ts";

/** The result of an apply, a rollback or a destroy. */
export const outcomeFields = {
  generation: z.int().describe("The accepted generation."),
  changed: z.boolean().describe("Something on the host was changed."),
  recorded: z.literal(true).exactOptional().describe("A generation was accepted although the host stayed as it was."),
  unaccepted: z.string().exactOptional().describe("Why the acceptance could not be saved. The next apply saves it."),
  tunnels: list(
    z
      .object({
        tunnel: z.string().describe("Its key in the config."),
        state: z
          .enum(["up", "silent", "stuck", "unreachable", "unresolved"])
          .describe(
            "up: a peer answered. silent: none did within 5 s. stuck: a peer answered, and no packet enters the tunnel. unreachable: this host has no route to its endpoint. unresolved: the endpoint's name has no address.",
          ),
        endpoint: z.string().exactOptional().describe("The peer's endpoint in use."),
        handshakeMs: z.int().exactOptional().describe("How long the handshake took, where it was seen."),
        ageSeconds: z.int().exactOptional().describe("Age of the last handshake."),
        dns: list(z.string()).exactOptional().describe("Name servers behind the tunnel."),
        name: z.string().exactOptional().describe("The name that does not resolve."),
      })
      .meta({ id: "FirstAnswer" }),
  )
    .exactOptional()
    .describe("Tunnels with an endpoint. After a change, awg waited for their first handshake."),
  endsAtReboot: z.literal(true).exactOptional().describe("A reboot removes the new state: no service restores it."),
  kept: z.string().exactOptional().describe("Originals that could not be restored, and where they are kept."),
};

export const appliedDocument = z
  .object({ formatVersion: formatVersion, ...outcomeFields })
  .describe("The result of an apply, up, down, rollback or destroy.");

export const confirmedDocument = z
  .object({ formatVersion: formatVersion, generation: z.int(), confirmed: z.literal(true) })
  .describe("The generation that was confirmed.");

export const revertedDocument = z
  .object({
    formatVersion: formatVersion,
    reverted: z.boolean().describe("False: there was nothing to undo."),
    packetFilter: z
      .object({ wrong: z.string(), restored: z.enum(["yes", "unheld", "blocked", "no"]) })
      .nullable()
      .exactOptional()
      .describe("The packet filter, where it had to be restored apart from the rest."),
    notAsAccepted: list(z.string())
      .nullable()
      .exactOptional()
      .describe("Resources that still differ from the accepted state. Null where they could not be read."),
  })
  .describe("The result of a revert.");

export const installedDocument = z
  .object({
    formatVersion: formatVersion,
    steps: list(
      z
        .object({
          what: z.string().describe("The resource that the step adds or removes."),
          outcome: z.enum(["kept", "done", "would-be-done", "absent", "left"]),
        })
        .meta({ id: "InstallationStep" }),
    ),
    warnings: list(z.string()),
  })
  .describe("Steps of an install or uninstall.");

export const conflictsDocument = z
  .object({
    formatVersion: formatVersion,
    services: list(
      z
        .object({
          name: z.string().describe("Name in the service manager."),
          program: z.string().describe("The program that it belongs to."),
          why: z.string().describe("The changes of the step. For people; the words may change."),
        })
        .meta({ id: "ConflictingService" }),
    ),
  })
  .describe("Running services of other VPN programs.");

export const serviceDocument = z
  .object({
    formatVersion: formatVersion,
    services: list(
      z
        .object({
          name: z.string().describe("Name in the service manager."),
          path: z.string().describe("File that defines it."),
          uid: z.int().exactOptional().describe("The user of an agent."),
          ownedByAwg: z.boolean(),
          loaded: z.boolean().describe("The service manager knows it."),
          outdated: z.boolean().describe("The service manager uses an older definition."),
          awaitsRestart: z
            .literal(true)
            .exactOptional()
            .describe("It runs by an older definition until it is restarted."),
          running: z.boolean(),
          pid: z.int().exactOptional(),
          lastExit: z.string().exactOptional().describe("How it ended last: exit code 1, signal 9."),
          installed: z.boolean(),
          enabled: z.boolean().exactOptional().describe("It starts at boot."),
        })
        .meta({ id: "Service" }),
    ),
  })
  .describe("awg's services.");

export const auditDocument = z
  .object({
    formatVersion: formatVersion,
    entries: list(
      z
        .object({
          at: time,
          door: z
            .enum(["cli", "api", "daemon"])
            .describe("A command line, a client of awg api, or the daemon by itself."),
          uid: z.int().describe("The user who ran it, or the client of the API."),
          sudoUser: z.string().exactOptional().describe("The user behind sudo."),
          role: z.string().exactOptional().describe("The role of the client of the API."),
          request: z
            .string()
            .describe("apply, repair, rollback, down, up, pause, destroy, confirm, revert, revert --due."),
          result: z
            .enum(["applied", "unchanged", "on-trial", "confirmed", "reverted", "failed"])
            .describe("on-trial: it is reverted unless it is confirmed."),
          generation: z.int().nullable().describe("The generation that holds afterwards."),
          configHash: z.string().nullable(),
          error: z.string().exactOptional().describe("Why it failed."),
        })
        .meta({ id: "AuditEntry" }),
    ),
  })
  .describe("The changes of this host with their authors, oldest first.");
