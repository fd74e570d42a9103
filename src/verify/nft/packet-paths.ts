import type { Hook } from "../policy/possible-packets.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { all, any, deviceIn, type Formula, not } from "../space/packet-fields.ts";
import { type BaseChain, baseChainsAt, type ReadTable } from "./read-tables.ts";
import type { ReadRule } from "./reading/rule-step.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";
import { type Passage, type Piece, startingWith, walk } from "./walk.ts";

/** The hooks a packet passes, before the device's egress. */
const STAGES: Readonly<Record<Hook, readonly ("prerouting" | "input" | "forward" | "output" | "postrouting")[]>> = {
  output: ["output", "postrouting"],
  input: ["prerouting", "input"],
  forward: ["prerouting", "forward", "postrouting"],
};

/** What became of packets: refused or let through by the IP stack's hooks, then by the egress of their device. */
export interface Way {
  readonly stack: Passage;
  readonly egress: Passage;
}

/** Sends packets of one hook through all base chains of the tables. */
export function sendThrough(
  { space, judged }: FamilyQuestion,
  tables: readonly ReadTable[],
  hook: Hook,
  set: Diagram,
  traced = false,
): Way {
  const chains = STAGES[hook].flatMap((stage) => baseChainsAt(tables, stage));
  const stack = walk(space, chains, startingWith(set), traced, judged);
  const egress =
    hook === "input" ? { accepted: stack.accepted, dropped: [] } : throughEgress(space, tables, stack.accepted, traced);
  return { stack, egress };
}

/** Sends frames straight to the egress of their device, as a raw socket does. */
export function sendFrames(
  { space }: FamilyQuestion,
  tables: readonly ReadTable[],
  set: Diagram,
  traced = false,
): Passage {
  return throughEgress(space, tables, startingWith(set), traced);
}

/** Devices with the same chains at their egress are judged together. */
function throughEgress(
  space: FamilyQuestion["space"],
  tables: readonly ReadTable[],
  pieces: readonly Piece[],
  traced: boolean,
): Passage {
  const groups = new Map<string, { readonly devices: string[]; readonly chains: readonly BaseChain[] }>();
  for (const device of space.names.out) {
    const chains = baseChainsAt(tables, "egress", device);
    if (chains.length === 0) continue;
    const key = chains.map(({ table, name }) => `${table.table.name} ${name}`).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { devices: [device], chains });
    else group.devices.push(device);
  }
  const covered = [...groups.values()].flatMap(({ devices }) => devices);
  const accepted = within(space, pieces, space.ofFormula(not(deviceIn("out", covered))));
  const dropped: Piece[] = [];
  for (const { devices, chains } of groups.values()) {
    const passage = walk(space, chains, within(space, pieces, space.ofFormula(deviceIn("out", devices))), traced);
    accepted.push(...passage.accepted);
    dropped.push(...passage.dropped);
  }
  return { accepted, dropped };
}

/** The parts of pieces that lie in a set. */
export function within(space: FamilyQuestion["space"], pieces: readonly Piece[], set: Diagram): Piece[] {
  if (set === EVERYTHING) return [...pieces];
  return pieces.flatMap((piece) => {
    const part = space.diagrams.and(piece.set, set);
    return part === NOTHING ? [] : [{ ...piece, set: part }];
  });
}

/** All packets of the pieces. */
export function unionOf(space: FamilyQuestion["space"], pieces: readonly Piece[]): Diagram {
  return pieces.reduce<Diagram>((union, { set }) => space.diagrams.or(union, set), NOTHING);
}

/** Whether some of these packets may come to the end of the rule. */
export function isMet({ space }: FamilyQuestion, rule: ReadRule, packets: Formula): boolean {
  const tests = rule.steps.flatMap((step) => (step.kind === "test" ? [step.any] : []));
  const asked = tests.map((alternatives) =>
    any(...alternatives.map((terms) => all(...terms.map((term) => ({ kind: "term", term }) as const)))),
  );
  return space.ofFormula(all(packets, ...asked)) !== NOTHING;
}
