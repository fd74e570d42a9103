import { z } from "zod";
import { prefix } from "../field/address.ts";
import { oneOrMany } from "../field/leaf.ts";
import { portRange } from "../field/port.ts";
import { boolean, oneOf, text } from "../field/scalar.ts";
import { PROTOCOLS } from "./match.ts";

const exception = z.strictObject({
  name: text(64).describe("A name for status.").exactOptional(),
  direction: oneOf(["in", "out"]).describe("in: others open the connection; out: this machine does."),
  protocol: oneOf(PROTOCOLS).describe("tcp, udp, icmp, icmpv6, sctp, gre or esp."),
  ports: oneOrMany(portRange()).describe("Local ports for in, remote ports for out.").exactOptional(),
  remote: oneOrMany(prefix()).describe("Addresses at the other end; all when absent.").exactOptional(),
});

/** What may leave a physical interface besides the tunnels. */
export const killSwitchSchema = z.strictObject({
  enabled: boolean().describe("Drop all that no rule, default or exception grants.").prefault(true),
  allowLan: boolean().describe("Let the local network and multicast through; DNS is judged before.").prefault(false),
  atBoot: boolean().describe("Block from early boot on, before awg runs.").prefault(false),
  persist: boolean().describe("Keep blocking while no process of awg lives.").prefault(true),
  allow: z.array(exception).describe("Exceptions, such as incoming SSH.").prefault([]),
});

export type KillSwitch = z.output<typeof killSwitchSchema>;

/** The kill switch of a configuration that has none. */
export const KILL_SWITCH_OFF: KillSwitch = {
  enabled: false,
  allowLan: false,
  atBoot: false,
  persist: false,
  allow: [],
};
