import { judge } from "../../model/firewall/evaluate.ts";
import { counted } from "../../model/text/counted.ts";
import { type FindingKind, type ShownPacket, showPoint, type VerifyFinding } from "../finding.ts";
import { NOTHING } from "../space/decision-diagram.ts";
import { packetOf } from "../space/header-point.ts";
import { pointFormula } from "../space/point-formula.ts";
import { unionOf } from "./packet-paths.ts";
import type { PacketSet, TraceEntry } from "./packet-set.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";

/** Beyond this number of paths of one kind, only the count is reported. */
const MAX_SHOWN = 25;

/** One finding for each path that the packets took through the rules. Further paths of one kind are only counted. */
export function showPacketSets(
  asked: FamilyQuestion,
  hook: ShownPacket["hook"],
  kind: FindingKind,
  packetSets: readonly PacketSet[],
): VerifyFinding[] {
  const paths = Map.groupBy(packetSets, ({ trace }) =>
    distinctEntries(trace)
      .map(({ name, verdict }) => `${name} ${verdict}`)
      .join("\n"),
  );
  const shown = [...paths.values()].slice(0, MAX_SHOWN).map((same) => showPath(asked, hook, kind, same));
  const more = paths.size - shown.length;
  if (more <= 0) return shown;
  return [
    ...shown,
    {
      kind,
      message: `${counted(more, "more case", "more cases")} like these (${hook}, IPv${asked.family})`,
      rules: [],
    },
  ];
}

/** The last two entries that distinguish this path: the rule that selected the path, and the final verdict. */
function distinctEntries(trace: readonly TraceEntry[]): readonly TraceEntry[] {
  const distinct = trace.filter(({ isDistinctive }) => isDistinctive);
  return distinct.length === 0 ? trace.slice(-1) : distinct.slice(-2);
}

/** The sets of one path differ only by steering. The example packet is the most readable of all. */
function showPath(
  { space, question, family }: FamilyQuestion,
  hook: ShownPacket["hook"],
  kind: FindingKind,
  packetSets: readonly PacketSet[],
): VerifyFinding {
  const point = space.pick(unionOf(space, packetSets));
  const cell = space.ofFormula(pointFormula(point));
  const packetSet = packetSets.find(({ set }) => space.diagrams.and(set, cell) !== NOTHING);
  const { trace, doubts } = packetSet ?? { trace: [], doubts: [] };
  const packet = showPoint(point, hook);
  const matched = trace.map(({ name, verdict }) => ({ name, verdict }));
  if (doubts.length > 0) {
    const message = `awg cannot evaluate these rules, so this packet may pass: ${doubts.join("; ")}`;
    return { kind: "unjudged", message, packet, rules: matched };
  }
  const said = judge(question.policy, packetOf(point, hook === "frame" ? "output" : hook));
  const message = MESSAGES[kind]?.(said.reason) ?? said.reason;
  return { kind, message: `${message} (IPv${family})`, packet, rules: matched };
}

const MESSAGES: Readonly<Partial<Record<FindingKind, (reason: string) => string>>> = {
  leak: (reason) => `leaves by a physical device though nothing grants it: ${reason}`,
  stray: (reason) => `leaves by a tunnel that is not its path: ${reason}`,
  entry: (reason) => `enters though nothing grants it: ${reason}`,
  weakness: (reason) => `only the egress table still stops this: ${reason}`,
  "lock-out": (reason) => `is dropped though it is granted: ${reason}`,
};
