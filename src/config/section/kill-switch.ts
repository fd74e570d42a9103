import { z } from "zod";
import { keyMeta } from "../feature/support.ts";
import { prefix } from "../field/address.ts";
import { duration } from "../field/duration.ts";
import { oneOrMany } from "../field/leaf.ts";
import { portRange } from "../field/port.ts";
import { boolean, oneOf, text } from "../field/scalar.ts";
import { MATCH_CONSTRAINTS } from "./constraints.ts";
import { PROTOCOLS } from "./match.ts";

const exception = z
  .strictObject({
    name: text(64).describe("Name for status.").exactOptional(),
    direction: oneOf(["in", "out"]).describe("in: others open the connection. out: this host does."),
    protocol: oneOf(PROTOCOLS).describe("tcp, udp, icmp, icmpv6, sctp, gre or esp."),
    ports: oneOrMany(portRange()).describe("Local ports for in, remote ports for out.").exactOptional(),
    remote: oneOrMany(prefix()).describe("Remote addresses; all when absent.").exactOptional(),
  })
  .meta(MATCH_CONSTRAINTS);

/** What may leave a physical interface besides the tunnels. */
export const killSwitchSchema = z.strictObject({
  enabled: boolean().describe("Drop every packet that no rule, default or exception allows.").prefault(true),
  allowLan: boolean()
    .describe("Allow hosts on the local link outside the tunnels. DNS rules come first.")
    .prefault(false),
  atBoot: boolean().meta(keyMeta("Block from early boot on, before awg runs.", "killSwitch.atBoot")).prefault(false),
  persist: boolean()
    .meta(keyMeta("Keep blocking while no process of awg runs.", "killSwitch.ephemeral"))
    .prefault(true),
  longestPause: duration(0, 86400)
    .describe("The longest awg pause: 1h when absent. 0 refuses every pause.")
    .exactOptional(),
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
