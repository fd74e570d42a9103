import { UPLINK_SET } from "../../../host/linux/nft/render/chain-names.ts";
import type { Family } from "../../../model/ip.ts";
import type { VerifyFinding } from "../../finding.ts";
import { refusedIfForged } from "../../policy/forged-formula.ts";
import { termsOf } from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { startingWith } from "../packet-set.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { walk } from "../walk.ts";

const DIRECTIONS = {
  input: {
    hooks: ["prerouting", "input"],
    message:
      "a packet with a forged source is accepted on a device that is no uplink; the reply may leave by another device",
    paragraph: "S6.8",
  },
  forward: {
    hooks: ["prerouting", "forward"],
    message:
      "a guest's packet with a forged source is forwarded; an ICMP error that quotes it may leave by another device",
    paragraph: "S7.4",
  },
} as const;

/**
 * S6.8 and S7.4: a packet must be refused if its answer would leave by another device.
 *
 * The uplinks are those that the rules name; reading the packet filter checks them. One finding for each hook and IP
 * version.
 */
export function verifyForged(question: RulesetQuestion): VerifyFinding[] {
  const own = question.tables.filter(isOurs);
  if (own.length === 0) return [];
  const named = own.flatMap(({ sets }) => sets.get(UPLINK_SET)?.elements ?? []);
  const uplinks = named.map(({ from }) => Buffer.from(from).toString().replace(/\0+$/, ""));
  return ([4, 6] as const).flatMap((family) =>
    (["input", "forward"] as const).flatMap((direction) => verifyDirection(question, direction, family, uplinks)),
  );
}

function verifyDirection(
  { policy, tables: found, devices, indexes }: RulesetQuestion,
  direction: keyof typeof DIRECTIONS,
  family: Family,
  uplinks: readonly string[],
): VerifyFinding[] {
  const { hooks, message, paragraph } = DIRECTIONS[direction];
  const tables = readTables(found.filter(isOurs), { family, indexes, forged: true });
  const packets = refusedIfForged(policy, direction, family, uplinks);
  const terms = [...termsOfTables(tables), ...termsOf(packets)];
  const space = new PacketSpace({ family, terms, markUses: markUsesOfTables(tables), devices });
  const chains = hooks.flatMap((hook) => baseChainsAt(tables, hook));
  const [packetSet] = walk(space, chains, startingWith(space.ofFormula(packets)), true).accepted;
  if (packetSet === undefined) return [];
  const rules = packetSet.trace.map(({ name, verdict }) => ({ name, verdict }));
  return [{ kind: "leak", message: `${message} (IPv${family}, ${paragraph})`, rules }];
}
