import { LOOPBACK_DEVICE } from "../../../model/firewall/packet.ts";
import { MARK_MASK, RELAY_MARK } from "../../../model/ownership.ts";
import { RTN_LOCAL } from "../../../native/linux/nftables/expression.ts";
import type { VerifyFinding } from "../../finding.ts";
import { all, deviceIn, markIs, not, numberIs, termsOf } from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { startingWith } from "../packet-set.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { walk } from "../walk.ts";

const OVER_LOOPBACK = all(deviceIn("in", [""]), deviceIn("out", [LOOPBACK_DEVICE]));
/** The mark of relays takes privileges, as every mark. */
const FOREIGN_SOURCE = all(OVER_LOOPBACK, not(numberIs("sender", RTN_LOCAL)), not(markIs(MARK_MASK, RELAY_MARK)));

/**
 * S2.1: an IPv6 packet over loopback with the source address of another host must be dropped when it is sent, unless a relay
 * sends it.
 */
export function verifyLoopback({ tables, indexes, devices }: RulesetQuestion): VerifyFinding[] {
  const own = readTables(tables.filter(isOurs), { family: 6, indexes, looksUpSender: true });
  const space = new PacketSpace({
    family: 6,
    terms: [...termsOfTables(own), ...termsOf(FOREIGN_SOURCE)],
    markUses: markUsesOfTables(own),
    devices,
  });
  const sent = startingWith(space.ofFormula(FOREIGN_SOURCE));
  const [accepted] = walk(space, baseChainsAt(own, "output"), sent, true).accepted;
  if (accepted === undefined) return [];
  const message =
    "a program can send over loopback with another host's address, so that host appears to have opened a flow (IPv6, output) (S2.1)";
  return [{ kind: "leak", message, rules: accepted.trace.map(({ name, verdict }) => ({ name, verdict })) }];
}
