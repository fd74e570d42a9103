import { renderIp } from "../../../model/ip.ts";
import type { FindingKind, VerifyFinding } from "../../finding.ts";
import { CARRIES_MARK } from "../../policy/policy-formula.ts";
import { addressIn } from "../../space/conditions.ts";
import { type Diagram, NOTHING } from "../../space/decision-diagram.ts";
import { all, deviceIn, type Formula, not, numberIs, termsOf } from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { unionOf, within } from "../packet-paths.ts";
import { type PacketSet, startingWith } from "../packet-set.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { walk } from "../walk.ts";

/** Ethernet types (if_ether.h): ARP, EAPOL and LACP. IPv4 and IPv6 are checked elsewhere. */
const ARP = 0x0806;
const EAPOL = 0x888e;
const LACP = 0x8809;
const IP_TYPES = [0x0800, 0x86dd];

const POSSIBLE = all(not(numberIs("word0", ...IP_TYPES)), not(CARRIES_MARK), deviceIn("in", [""]));

/**
 * S2.7: unmarked frames other than IP at the egress of each physical device. One finding for each device and deciding
 * rule.
 */
export function verifyOtherFrames(question: RulesetQuestion): VerifyFinding[] {
  const { policy, framed, indexes } = question;
  const tables = readTables(question.tables.filter(isOurs), { family: 4, frames: true, indexes });
  const addresses = policy.layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const announcing = all(numberIs("word0", ARP), addressIn("source", 4, addresses));
  const isGuarded = policy.layers.some(({ killSwitch }) => killSwitch);
  const granted: Formula = all(not(announcing), ...(isGuarded ? [numberIs("word0", ARP, EAPOL, LACP)] : []));
  const space = new PacketSpace({
    family: 4,
    terms: [...termsOfTables(tables), ...[granted, POSSIBLE].flatMap(termsOf)],
    markUses: markUsesOfTables(tables),
    devices: framed,
  });
  const allowed = space.ofFormula(granted);
  const refused = space.diagrams.not(allowed);
  return framed.flatMap((device) => {
    const here = space.ofFormula(all(POSSIBLE, deviceIn("out", [device])));
    const { accepted, dropped } = walk(space, baseChainsAt(tables, "egress", device), startingWith(here), true);
    const show = (kind: FindingKind, packetSets: readonly PacketSet[], wrong: Diagram): VerifyFinding[] =>
      [...byLastRule(packetSets)].flatMap((same) => {
        const matching = within(space, same, wrong);
        const set = unionOf(space, matching);
        if (set === NOTHING) return [];
        const rules = (matching[0]?.trace ?? []).map(({ name, verdict }) => ({ name, verdict }));
        return [{ kind, message: messageOf(space, kind, set, device), rules }];
      });
    return [...show("leak", accepted, refused), ...show("lock-out", dropped, allowed)];
  });
}

function byLastRule(packetSets: readonly PacketSet[]): Iterable<readonly PacketSet[]> {
  return Map.groupBy(packetSets, ({ trace }) => trace.at(-1)?.name).values();
}

function messageOf(space: PacketSpace, kind: FindingKind, set: Diagram, device: string): string {
  const { word0: type, source } = space.pick(set);
  const what = kind === "leak" ? "leaves though nothing grants it" : "is dropped though it is granted";
  const announced = type === ARP ? `, which announces ${renderIp(source)}` : "";
  return `a frame of the Ethernet type 0x${type.toString(16).padStart(4, "0")}${announced}, by ${device} ${what} (S2.7)`;
}
