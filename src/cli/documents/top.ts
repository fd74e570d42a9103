import { z } from "zod";
import { formatVersion, list } from "./common.ts";

const flow = {
  receivedPerSecond: z.int().describe("Bytes a second."),
  sentPerSecond: z.int().describe("Bytes a second."),
};
const bytes = { receivedBytes: z.int().describe("Since it began."), sentBytes: z.int().describe("Since it began.") };

const connection = z
  .object({
    local: z.string().describe("Address and port."),
    remote: z.string().describe("Address and port."),
    ...flow,
    ...bytes,
  })
  .meta({ id: "TcpConnection", description: "Bytes are payload: acknowledged ones, and those received in order." });

export const topDocument = z
  .object({
    formatVersion: formatVersion,
    seconds: z.number().describe("Time between the two looks."),
    tunnels: list(
      z
        .object({ name: z.string(), ...flow, ...bytes })
        .meta({ id: "TunnelTraffic", description: "Bytes as the tunnel's engine counts them." }),
    ),
    programs: list(
      z
        .object({
          pid: z.int(),
          parentPid: z.int(),
          user: z.string().nullable(),
          name: z.string(),
          path: z.string().nullable(),
          via: z.string().nullable().describe("Path by the first rule that certainly applies: tunnel, direct, block."),
          ...flow,
          connections: list(connection),
          udpSockets: z.int().describe("The kernel counts no bytes of them."),
        })
        .meta({ id: "ProgramTraffic" }),
    ).describe("Programs with sockets, in the order of --sort."),
    notCounted: list(z.string()).describe("Traffic that no rate has in it, a sentence each."),
    unseen: list(z.string()).describe("Unreadable parts, a sentence each."),
  })
  .describe("Rates of tunnels and programs between two looks.");
