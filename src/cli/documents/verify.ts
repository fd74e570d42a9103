import { z } from "zod";
import { enforcement, formatVersion, list } from "./common.ts";
import { programLine } from "./programs.ts";

const metRule = z
  .object({ name: z.string(), verdict: z.string() })
  .meta({ id: "MetRule", description: "A rule that the packet met, and its verdict." });

const packet = z
  .object({
    hook: z.enum(["output", "input", "forward", "frame"]).describe("The hook that judges the packet."),
    source: z.string(),
    destination: z.string(),
    protocol: z.int().describe("IP protocol number."),
    sourcePort: z.int().exactOptional(),
    destinationPort: z.int().exactOptional(),
    icmpType: z.int().exactOptional(),
    icmpCode: z.int().exactOptional(),
    payload: z
      .string()
      .exactOptional()
      .describe("First four bytes after the IP header in hex, where they are no ports."),
    bytes: z.int().exactOptional().describe("Length of the packet, where a rule looks at it."),
    hopLimit: z.int(),
    fragment: z.enum(["whole", "first", "later"]),
    uid: z.int().exactOptional().describe("User of the socket that sends."),
    mark: z.int().describe("The packet's mark (nfmark)."),
    inDevice: z.string().exactOptional(),
    outDevice: z.string().exactOptional(),
    tracking: z.string().describe("State of the flow in conntrack."),
  })
  .meta({ id: "Packet", description: "One packet of the class that was found." });

const FINDING_KINDS = [
  "leak",
  "stray",
  "entry",
  "weakness",
  "lock-out",
  "misroute",
  "open-flow",
  "unjudged",
  "invariant",
] as const;

const finding = z
  .object({
    kind: z.enum(FINDING_KINDS).describe("The fault in the packet's path or verdict."),
    message: z.string(),
    packet: packet.nullable(),
    rules: list(metRule).describe("The rules that decided, first to last."),
  })
  .meta({ id: "VerifyFinding" });

export const verifyDocument = z
  .object({
    formatVersion: formatVersion,
    verified: z.boolean().describe("Nothing was found."),
    classes: z.string().describe("Number of packet classes that were checked, as decimal digits."),
    findings: list(finding),
    notes: list(z.string()).describe("Parts that cannot be judged."),
  })
  .meta({ id: "Verification", description: "Whether the loaded rules enforce the policy for every packet." });

const side = z
  .object({
    path: z.string().describe("direct, block, or the device of a tunnel."),
    reason: z.string().describe("The rule that chose the path."),
    mark: z.int().describe("The packet's mark (nfmark)."),
    policyRule: z.string().nullable().describe("As ip rule shows it."),
    table: z.int().nullable().describe("Routing table."),
    route: z.string().nullable().describe("As ip route shows it."),
    class: z
      .object({ number: z.int().describe("0: none."), meaning: z.string().describe("The programs that have it.") })
      .nullable()
      .describe("Class of the sender's socket, where rules distinguish programs (Linux)."),
    device: z.string().describe("Device it leaves by, or in brackets why it does not leave."),
    verdict: z.enum(["accept", "drop", "unknown"]),
    verdictBy: list(metRule),
  })
  .meta({ id: "ExplainedSide" });

export const explainDocument = z
  .object({
    formatVersion: formatVersion,
    flow: z.object({
      destination: z.string(),
      port: z.int().exactOptional(),
      protocol: z.int().describe("IP protocol number."),
      uid: z.int().describe("User that sends."),
    }),
    generation: z.int().describe("The accepted generation; 0 before the first."),
    system: z.enum(["linux", "darwin"]),
    declared: side.describe("By the accepted config."),
    live: side.describe("By the kernel's rules and routes."),
    undecided: z
      .object({
        why: z.string(),
        possible: list(z.object({ declared: side, live: side })).describe("By the order of the rules."),
      })
      .nullable()
      .describe("Every possible path where awg cannot read which rule matches. Null where the path is certain."),
    tunnel: z.object({ device: z.string(), state: z.string() }).nullable(),
    fallback: z
      .object({
        path: z.string().describe("block, direct, or failover to other tunnels."),
        inForce: z.boolean(),
      })
      .nullable()
      .describe("The path while the tunnel of the flow's rule is down."),
    limit: z
      .object({
        download: z.int().exactOptional().describe("Bits per second received."),
        upload: z.int().exactOptional().describe("Bits per second sent."),
        priority: z.enum(["high", "low"]).exactOptional().describe("Before or after others in the uplink's queue."),
      })
      .nullable()
      .describe("Rates and priority of the flow's rule."),
    dns: z
      .object({
        server: z.string(),
        path: z.string(),
        device: z.string(),
        verdict: z.enum(["accept", "drop", "unknown"]),
        byResolver: z.boolean().describe("awg's own resolver queries the server."),
      })
      .nullable()
      .describe("The path of the sender's DNS queries."),
    enforcement: enforcement.nullable(),
    programs: list(programLine).describe("With --app or --pid: the programs, each with its rule."),
    agree: z.boolean().describe("Config and kernel agree."),
    disagreements: list(z.string()),
    notes: list(z.string()),
  })
  .describe("The path and verdict of one flow, by the config and by the kernel.");
