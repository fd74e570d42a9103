import { UPLINK_SET } from "../../../host/linux/nft/render/chain-names.ts";
import type { Family } from "../../../model/ip.ts";
import type { VerifyFinding } from "../../finding.ts";
import { refusedIfForged } from "../../policy/forged-formula.ts";
import { termsOf } from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { startingWith, walk } from "../walk.ts";

const WAYS = {
  input: {
    hooks: ["prerouting", "input"],
    told: "what asks this machine in another's name enters by a device that is no uplink: its answer may leave by another, with what was asked in it",
    paragraph: "S6.8",
  },
  forward: {
    hooks: ["prerouting", "forward"],
    told: "what a guest sends on in another's name is taken: an error about it may leave by another device, with what was sent in it",
    paragraph: "S7.4",
  },
} as const;

/**
 * S6.8 and S7.4: what comes by a device by which its answer would not go back must be refused. The uplinks are those that the
 * rules name: which they ought to be, the reading of the packet filter tells. One finding for each way and IP version.
 */
export function verifyForged(question: RulesetQuestion): VerifyFinding[] {
  const own = question.tables.filter(isOurs);
  if (own.length === 0) return [];
  const named = own.flatMap(({ sets }) => sets.get(UPLINK_SET)?.elements ?? []);
  const uplinks = named.map(({ from }) => Buffer.from(from).toString().replace(/\0+$/, ""));
  return ([4, 6] as const).flatMap((family) =>
    (["input", "forward"] as const).flatMap((way) => verifyWay(question, way, family, uplinks)),
  );
}

function verifyWay(
  { policy, tables: found, devices, indexes }: RulesetQuestion,
  way: keyof typeof WAYS,
  family: Family,
  uplinks: readonly string[],
): VerifyFinding[] {
  const { hooks, told, paragraph } = WAYS[way];
  const tables = readTables(found.filter(isOurs), { family, indexes, forged: true });
  const packets = refusedIfForged(policy, way, family, uplinks);
  const terms = [...termsOfTables(tables), ...termsOf(packets)];
  const space = new PacketSpace({ family, terms, markUses: markUsesOfTables(tables), devices });
  const chains = hooks.flatMap((hook) => baseChainsAt(tables, hook));
  const [piece] = walk(space, chains, startingWith(space.ofFormula(packets)), true).accepted;
  if (piece === undefined) return [];
  const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
  return [{ kind: "leak", message: `${told} (IPv${family}, ${paragraph})`, rules }];
}
