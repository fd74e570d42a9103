import { type Diagram, NOTHING } from "../space/decision-diagram.ts";
import { type MarkChange, UNCHANGED } from "../space/mark-classes.ts";

/** A set of packets that received the same verdicts so far. */
export interface PacketSet {
  /** The packets before any rule changed them. */
  readonly set: Diagram;
  /** The change that rules made to the mark. */
  readonly change: MarkChange;
  /** A rule matched them as packets of a judged flow (S5.6). */
  readonly isRemembered: boolean;
  /** The rules that gave a verdict; empty unless the walk is traced. */
  readonly trace: readonly TraceEntry[];
  /** Reasons why the result is uncertain: the packets may also have received another verdict. */
  readonly doubts: readonly string[];
}

/** A rule, or the policy at the end of a base chain, with its verdict. */
export interface TraceEntry {
  readonly name: string;
  readonly verdict: string;
  /** The entry distinguishes paths. False for steering and for unconditional rules of base chains. */
  readonly isDistinctive: boolean;
}

/** Packets before the first rule. */
export function startingWith(set: Diagram): PacketSet[] {
  return set === NOTHING ? [] : [{ set, change: UNCHANGED, isRemembered: false, trace: [], doubts: [] }];
}

/** Two packet sets without traces are equal in everything but their packets if their keys are equal. */
export function keyOf({ change, isRemembered, doubts }: PacketSet): string {
  return `${change.keep} ${change.set} ${isRemembered} ${doubts.join("\n")}`;
}

/** Leaves out the empty sets. */
export function withPackets(sets: readonly PacketSet[]): readonly PacketSet[] {
  return sets.filter(({ set }) => set !== NOTHING);
}
