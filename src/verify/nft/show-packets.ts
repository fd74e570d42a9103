import { judge } from "../../model/firewall/evaluate.ts";
import { counted } from "../../model/text/counted.ts";
import { type FindingKind, type ShownPacket, showPoint, type VerifyFinding } from "../finding.ts";
import { NOTHING } from "../space/decision-diagram.ts";
import { packetOf } from "../space/header-point.ts";
import { pointFormula } from "../space/point-formula.ts";
import { unionOf } from "./packet-paths.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";
import type { Hit, Piece } from "./walk.ts";

/** Of more ways of one kind only their number is said. */
const MOST_SHOWN = 25;

/** One finding for each way that the packets of the pieces went; of many ways of one kind the rest is counted. */
export function showPieces(
  asked: FamilyQuestion,
  hook: ShownPacket["hook"],
  kind: FindingKind,
  pieces: readonly Piece[],
): VerifyFinding[] {
  const ways = Map.groupBy(pieces, ({ trace }) =>
    tellingHits(trace)
      .map(({ name, verdict }) => `${name} ${verdict}`)
      .join("\n"),
  );
  const shown = [...ways.values()].slice(0, MOST_SHOWN).map((same) => showWay(asked, hook, kind, same));
  const more = ways.size - shown.length;
  if (more <= 0) return shown;
  return [
    ...shown,
    { kind, message: `${counted(more, "more way", "more ways")} like these (${hook}, IPv${asked.family})`, rules: [] },
  ];
}

/** The last two rules that tell this way from others: where the path was found, and what was said there. */
function tellingHits(trace: readonly Hit[]): readonly Hit[] {
  const telling = trace.filter(({ isTelling }) => isTelling);
  return telling.length === 0 ? trace.slice(-1) : telling.slice(-2);
}

/** Pieces of one way differ in what steering made of them; the packet is the most pleasant of all. */
function showWay(
  { space, question, family }: FamilyQuestion,
  hook: ShownPacket["hook"],
  kind: FindingKind,
  pieces: readonly Piece[],
): VerifyFinding {
  const point = space.pick(unionOf(space, pieces));
  const cell = space.ofFormula(pointFormula(point));
  const piece = pieces.find(({ set }) => space.diagrams.and(set, cell) !== NOTHING);
  const { trace, doubts } = piece ?? { trace: [], doubts: [] };
  const packet = showPoint(point, hook);
  const met = trace.map(({ name, verdict }) => ({ name, verdict }));
  if (doubts.length > 0) {
    const message = `what these rules do cannot be said, so this may pass: ${doubts.join("; ")}`;
    return { kind: "unjudged", message, packet, rules: met };
  }
  const said = judge(question.policy, packetOf(point, hook === "frame" ? "output" : hook));
  const message = MESSAGES[kind]?.(said.reason) ?? said.reason;
  return { kind, message: `${message} (IPv${family})`, packet, rules: met };
}

const MESSAGES: Readonly<Partial<Record<FindingKind, (reason: string) => string>>> = {
  leak: (reason) => `leaves by a physical device though nothing grants it: ${reason}`,
  stray: (reason) => `leaves by a tunnel that is not its path: ${reason}`,
  entry: (reason) => `enters though nothing grants it: ${reason}`,
  weakness: (reason) => `only the egress table still stops this: ${reason}`,
  "lock-out": (reason) => `is dropped though it is granted: ${reason}`,
};
