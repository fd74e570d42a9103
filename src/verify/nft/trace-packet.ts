import { MARK_MASK } from "../../model/ownership.ts";
import type { MetRule } from "../finding.ts";
import type { HeaderPoint } from "../space/header-point.ts";
import { changeMark } from "../space/mark-classes.ts";
import { termsOf } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import { pointFormula } from "../space/point-formula.ts";
import { startingWith } from "./packet-set.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "./read-tables.ts";
import type { RulesetQuestion } from "./ruleset-question.ts";
import { walk } from "./walk.ts";

/** The verdict of all tables on one locally generated packet. */
export interface TracedPacket {
  readonly verdict: "accept" | "drop" | "unknown";
  /** The mark after the output hook, as set by steering. */
  readonly mark: number;
  readonly rules: readonly MetRule[];
}

/**
 * Sends one locally generated packet, which opens its flow, through all base chains. Returns the rules that match it.
 * Pure.
 */
export function tracePacket(
  { tables, devices, indexes }: Pick<RulesetQuestion, "tables" | "devices" | "indexes">,
  point: HeaderPoint,
): TracedPacket {
  const { family } = point.destination;
  const read = readTables(tables, { family, indexes, opens: true });
  const formula = pointFormula(point);
  const uses = [
    ...markUsesOfTables(read),
    { mask: 0xffff_ffff, values: [point.mark] },
    { mask: MARK_MASK, values: [] },
  ];
  const space = new PacketSpace({
    family,
    terms: [...termsOfTables(read), ...termsOf(formula)],
    markUses: uses,
    devices,
  });
  const start = startingWith(space.ofFormula(formula));
  const steered = walk(space, baseChainsAt(read, "output"), start, true);
  const leaving = walk(space, baseChainsAt(read, "postrouting"), steered.accepted, true);
  const passed = walk(space, baseChainsAt(read, "egress", point.out), leaving.accepted, true);
  const dropped = [...steered.dropped, ...leaving.dropped, ...passed.dropped];
  const [accepted, refused] = [passed.accepted[0], dropped[0]];
  const shown = accepted ?? refused;
  const rules = (shown?.trace ?? []).map(({ name, verdict }) => ({ name, verdict }));
  const mark = steered.accepted[0] === undefined ? point.mark : changeMark(steered.accepted[0].change, point.mark);
  const isSure = (accepted === undefined) !== (refused === undefined) && (shown?.doubts.length ?? 0) === 0;
  return { verdict: !isSure ? "unknown" : accepted === undefined ? "drop" : "accept", mark, rules };
}
