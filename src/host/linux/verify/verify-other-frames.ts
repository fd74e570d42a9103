import { renderIp } from "../../../model/ip.ts";
import type { VerifyFinding } from "../../../model/verify/finding.ts";
import { addressIn } from "../../../model/verify/space/conditions.ts";
import { NOTHING } from "../../../model/verify/space/diagrams.ts";
import { PacketSpace } from "../../../model/verify/space/packet-space.ts";
import { ALWAYS, all, any, deviceIn, type Formula, not, numberIs, termsOf } from "../../../model/verify/space/term.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "./read-tables.ts";
import { isOurs } from "./rule-table.ts";
import type { RulesetQuestion } from "./ruleset-question.ts";
import { type Piece, startingWith, walk } from "./walk.ts";

const ARP = 0x0806;
const EAPOL = 0x888e;
/** Judged elsewhere: IPv4 and IPv6. */
const IP_TYPES = [0x0800, 0x86dd];

/** S2.7: frames that are not IP, at the egress of each physical device. One finding for each device and way. */
export function verifyOtherFrames(question: RulesetQuestion): VerifyFinding[] {
  const { policy, framed } = question;
  const tables = readTables(question.tables.filter(isOurs), { family: 4, frames: true, indexes: question.indexes });
  const addresses = policy.layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const announcing = all(numberIs("word0", ARP), addressIn("source", 4, addresses));
  const isGuarded = policy.layers.some(({ killSwitch }) => killSwitch);
  const known = any(numberIs("word0", ARP), numberIs("word0", EAPOL));
  const granted: Formula = all(not(announcing), isGuarded ? known : ALWAYS);
  const possible = all(not(numberIs("word0", ...IP_TYPES)), deviceIn("in", [""]));
  const space = new PacketSpace({
    family: 4,
    terms: [...termsOfTables(tables), ...termsOf(granted), ...termsOf(possible)],
    markUses: markUsesOfTables(tables),
    devices: framed,
  });
  const { diagrams } = space;
  const [asked, allowed] = [space.ofFormula(possible), space.ofFormula(granted)];
  return framed.flatMap((device) => {
    const here = diagrams.and(asked, space.ofFormula(deviceIn("out", [device])));
    const { accepted, dropped } = walk(space, baseChainsAt(tables, "egress", device), startingWith(here), true);
    const show = (kind: VerifyFinding["kind"], pieces: readonly Piece[], wrong: number): VerifyFinding[] =>
      pieces.flatMap((piece) => {
        const set = diagrams.and(piece.set, wrong);
        if (set === NOTHING) return [];
        const { word0, source } = space.pick(set);
        const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
        const type = `0x${word0.toString(16).padStart(4, "0")}`;
        const sender = word0 === ARP ? `, which announces ${renderIp(source)}` : "";
        const what = kind === "leak" ? "leaves though nothing grants it" : "is dropped though it is granted";
        const message = `a frame of the Ethernet type ${type}${sender}, by ${device} ${what} (S2.7)`;
        return [{ kind, message, rules }];
      });
    return [...show("leak", accepted, diagrams.not(allowed)), ...show("lock-out", dropped, allowed)];
  });
}
