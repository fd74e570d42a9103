import type { Hook } from "../policy/possible-packets.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { all, any, deviceIn, type Formula, not } from "../space/packet-fields.ts";
import { type PacketSet, startingWith } from "./packet-set.ts";
import { type BaseChain, baseChainsAt, type ReadTable } from "./read-tables.ts";
import type { ReadRule } from "./reading/rule-step.ts";
import type { FamilyQuestion } from "./ruleset-question.ts";
import { type Outcome, walk } from "./walk.ts";

/** The hooks that a packet passes before the egress of its device. */
const STAGES: Readonly<Record<Hook, readonly ("prerouting" | "input" | "forward" | "output" | "postrouting")[]>> = {
  output: ["output", "postrouting"],
  input: ["prerouting", "input"],
  forward: ["prerouting", "forward", "postrouting"],
};

/** Verdicts on packets: first by the hooks of the IP stack, then by the egress of the device. */
export interface PacketPath {
  readonly stack: Outcome;
  readonly egress: Outcome;
}

/** Sends packets of one hook through all base chains of the tables. */
export function sendThrough(
  { space, judged }: FamilyQuestion,
  tables: readonly ReadTable[],
  hook: Hook,
  set: Diagram,
  traced = false,
): PacketPath {
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
): Outcome {
  return throughEgress(space, tables, startingWith(set), traced);
}

/** Evaluates devices with the same egress chains together. */
function throughEgress(
  space: FamilyQuestion["space"],
  tables: readonly ReadTable[],
  packetSets: readonly PacketSet[],
  traced: boolean,
): Outcome {
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
  const accepted = within(space, packetSets, space.ofFormula(not(deviceIn("out", covered))));
  const dropped: PacketSet[] = [];
  for (const { devices, chains } of groups.values()) {
    const outcome = walk(space, chains, within(space, packetSets, space.ofFormula(deviceIn("out", devices))), traced);
    accepted.push(...outcome.accepted);
    dropped.push(...outcome.dropped);
  }
  return { accepted, dropped };
}

/** The parts of the packet sets that lie in a set. */
export function within(space: FamilyQuestion["space"], packetSets: readonly PacketSet[], set: Diagram): PacketSet[] {
  if (set === EVERYTHING) return [...packetSets];
  return packetSets.flatMap((packetSet) => {
    const part = space.diagrams.and(packetSet.set, set);
    return part === NOTHING ? [] : [{ ...packetSet, set: part }];
  });
}

/** The union of the packet sets. */
export function unionOf(space: FamilyQuestion["space"], packetSets: readonly PacketSet[]): Diagram {
  return packetSets.reduce<Diagram>((union, { set }) => space.diagrams.or(union, set), NOTHING);
}

/** Some of these packets may reach the end of the rule. */
export function mayMatch({ space }: FamilyQuestion, rule: ReadRule, packets: Formula): boolean {
  const tests = rule.steps.flatMap((step) => (step.kind === "test" ? [step.any] : []));
  const asked = tests.map((alternatives) =>
    any(...alternatives.map((terms) => all(...terms.map((term) => ({ kind: "term", term }) as const)))),
  );
  return space.ofFormula(all(packets, ...asked)) !== NOTHING;
}
