import type { Verdict } from "../../native/linux/nftables/expression.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { chainChanges, type MarkChange, UNCHANGED } from "../space/mark-classes.ts";
import type { Term } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedMemory } from "./judged-memory.ts";
import { markTestsIn, testResultsOf } from "./mark-tests.ts";
import type { BaseChain, ReadTable } from "./read-tables.ts";
import type { ReadRule, RuleStep } from "./reading/rule-step.ts";

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

/** The verdicts of base chains. If a rule is uncertain, a packet may be in both lists. */
export interface Outcome {
  readonly accepted: readonly PacketSet[];
  readonly dropped: readonly PacketSet[];
}

/** The kernel refuses deeper jumps (NFT_JUMP_STACK_SIZE). */
const MAX_DEPTH = 16;
/** Above this number packet sets are merged: the sets stay exact, the traces become shorter. */
const MAX_PACKET_SETS = 3_000;

/**
 * Sends a set of packets through base chains, one after the other. `traced` keeps packets apart that matched different
 * rules. Without `judged`, any key may be in a set of judged flows.
 */
export function walk(
  space: PacketSpace,
  chains: readonly BaseChain[],
  start: readonly PacketSet[],
  traced = false,
  judged?: JudgedMemory,
): Outcome {
  return new Walker(space, traced, judged).walk(chains, start);
}

/** Packets before the first rule. */
export function startingWith(set: Diagram): PacketSet[] {
  return set === NOTHING ? [] : [{ set, change: UNCHANGED, isRemembered: false, trace: [], doubts: [] }];
}

interface Ends {
  readonly accepted: PacketSet[];
  readonly dropped: PacketSet[];
  /** Packets that reached the end of the chain or returned from it. */
  readonly left: PacketSet[];
}

/** Packets that match a rule. `before` holds the packets that do not continue with the next rule. */
interface Match extends PacketSet {
  readonly before: Diagram;
  /** Bits of the mark that the rule set to an unknown value. */
  readonly lostBits: number;
}

/** A verdict to apply, and the lists that receive the packets. */
interface VerdictContext {
  readonly table: ReadTable;
  readonly rule: ReadRule;
  readonly verdict: Verdict;
  readonly depth: number;
  readonly ends: Ends;
  readonly next: PacketSet[];
}

const UNKNOWN_MARK = "writes a mark that cannot be said";

class Walker {
  readonly #space: PacketSpace;
  readonly #traced: boolean;
  readonly #judged: JudgedMemory | undefined;

  constructor(space: PacketSpace, traced: boolean, judged: JudgedMemory | undefined) {
    this.#space = space;
    this.#traced = traced;
    this.#judged = judged;
  }

  walk(chains: readonly BaseChain[], start: readonly PacketSet[]): Outcome {
    let sets = [...start];
    const dropped: PacketSet[] = [];
    for (const { table, name, base } of chains) {
      const ends = this.#chain(table, name, sets, 0);
      const policy: TraceEntry = {
        name: `${table.table.family} ${table.table.name} ${name}`,
        verdict: `policy ${base.policy}`,
        isDistinctive: false,
      };
      const left = ends.left.map((packets) => ({ ...packets, trace: this.#note(packets, policy) }));
      dropped.push(...ends.dropped, ...(base.policy === "drop" ? left : []));
      sets = this.#join([...ends.accepted, ...(base.policy === "accept" ? left : [])]);
    }
    return { accepted: sets, dropped: this.#join(dropped) };
  }

  /**
   * Merges packet sets that differ only in mark bits that this chain does not test, and splits the results again. With
   * hundreds of tunnels each rule would otherwise be evaluated hundreds of times.
   */
  #chain(table: ReadTable, name: string, start: readonly PacketSet[], depth: number): Ends {
    const asked = this.#traced || start.length < 2 ? undefined : markTestsIn(table, name);
    if (asked === undefined) return this.#rules(table, name, start, depth);
    const groups = Map.groupBy(
      start,
      (packets) => `${testResultsOf(asked, packets.change)} ${keyOf({ ...packets, change: UNCHANGED })}`,
    );
    const all: Ends = { accepted: [], dropped: [], left: [] };
    for (const [first, ...others] of groups.values() as Iterable<[PacketSet, ...PacketSet[]]>) {
      const set = others.reduce((union, packets) => this.#space.diagrams.or(union, packets.set), first.set);
      const ends = this.#rules(table, name, [{ ...first, set }], depth);
      // The mark of a dropped packet does not matter.
      all.dropped.push(...ends.dropped);
      for (const end of ["accepted", "left"] as const) {
        const apart = [first, ...others].flatMap(({ change, set: part }) =>
          ends[end].map((one) => ({ ...one, change, set: this.#space.diagrams.and(one.set, part) })),
        );
        pushUnlessEmpty(all[end], ...(others.length === 0 ? ends[end] : apart));
      }
    }
    return all;
  }

  #rules(table: ReadTable, name: string, start: readonly PacketSet[], depth: number): Ends {
    const ends: Ends = { accepted: [], dropped: [], left: [] };
    let sets = [...start];
    for (const rule of table.rules.get(name) ?? []) {
      if (sets.length === 0) break;
      const next: PacketSet[] = [];
      for (const packets of sets) this.#rule(table, rule, packets, depth, ends, next);
      sets = this.#join(next);
    }
    ends.left.push(...sets);
    return { accepted: this.#join(ends.accepted), dropped: this.#join(ends.dropped), left: this.#join(ends.left) };
  }

  #rule(table: ReadTable, rule: ReadRule, packets: PacketSet, depth: number, ends: Ends, next: PacketSet[]): void {
    const { diagrams } = this.#space;
    const match = this.#match(rule, packets);
    if (match.set === NOTHING) {
      next.push(packets);
      return;
    }
    const { verdict } = rule;
    const isSure =
      match.doubts === packets.doubts && rule.steps.every(({ kind }) => kind !== "either" && kind !== "remembered");
    const rest = isSure ? diagrams.minus(packets.set, match.before) : packets.set;
    if (verdict === undefined || verdict.code === "continue") {
      const isSame = match.change === packets.change;
      if (isSame && match.lostBits === 0) next.push(packets);
      else pushUnlessEmpty(next, ...this.#withMarks(match), { ...packets, set: rest });
      return;
    }
    const trace = this.#note(match, entryOf(table, rule, verdict));
    for (const part of this.#withMarks({ ...match, trace }))
      this.#apply({ table, rule, verdict, depth, ends, next }, part);
    pushUnlessEmpty(next, { ...packets, set: rest });
  }

  /** Applies the verdict of a rule to the packets that match it. */
  #apply({ table, rule, verdict, depth, ends, next }: VerdictContext, part: PacketSet): void {
    switch (verdict.code) {
      case "accept":
        ends.accepted.push(part);
        return;
      case "drop":
        ends.dropped.push(part);
        return;
      case "return":
        ends.left.push(part);
        return;
      case "queue":
        ends.accepted.push({ ...part, doubts: [...part.doubts, `${rule.name}: another program decides (queue)`] });
        ends.dropped.push(part);
        return;
      case "jump":
      case "goto": {
        if (depth >= MAX_DEPTH) return;
        const inner = this.#chain(table, verdict.chain, [part], depth + 1);
        ends.accepted.push(...inner.accepted);
        ends.dropped.push(...inner.dropped);
        (verdict.code === "jump" ? next : ends.left).push(...inner.left);
      }
    }
  }

  /** The packets that match all steps of a rule. `before` holds the same packets as they are in the input set. */
  #match(rule: ReadRule, packets: PacketSet): Match {
    let { set, change, isRemembered, doubts } = packets;
    let before = packets.set;
    let lostBits = 0;
    for (const step of rule.steps) {
      if (step.kind === "test") {
        const holds = this.#alternatives(step.any, change);
        set = this.#space.diagrams.and(set, holds);
        before = this.#space.diagrams.and(before, holds);
        if (set === NOTHING) break;
      } else if (step.kind === "remembered") {
        const holds = this.#judged?.mayHold(step) ?? EVERYTHING;
        set = this.#space.diagrams.and(set, holds);
        before = this.#space.diagrams.and(before, holds);
        isRemembered = true;
        if (set === NOTHING) break;
      } else if (step.kind === "remember") this.#judged?.add(step, set);
      else if (step.kind === "mark") change = chainChanges(change, step.change);
      else if (step.kind === "mark-lost") {
        lostBits = (lostBits | step.bits) >>> 0;
        doubts = [...doubts, `${rule.name}: ${UNKNOWN_MARK}`];
      } else if (step.kind === "doubt") doubts = [...doubts, `${rule.name}: ${step.what}`];
    }
    return { ...packets, set, change, isRemembered, doubts, before, lostBits };
  }

  /** Continues with every possible value of the mark bits that a rule set to an unknown value. */
  #withMarks({ before: _before, lostBits, ...packets }: Match): PacketSet[] {
    if (lostBits === 0) return [packets];
    const values = new Set(this.#space.marks.map((mark) => (mark & lostBits) >>> 0));
    const changes = [...values].map((set) => chainChanges(packets.change, { keep: ~lostBits >>> 0, set }));
    return changes.map((change) => ({ ...packets, change }));
  }

  #alternatives(any: Extract<RuleStep, { kind: "test" }>["any"], change: MarkChange): Diagram {
    const { diagrams } = this.#space;
    let union: Diagram = NOTHING;
    for (const terms of any) {
      const holds = terms.map((term: Term) => this.#space.ofTerm(term, change));
      union = diagrams.or(
        union,
        holds.reduce((set, one) => diagrams.and(set, one), EVERYTHING),
      );
    }
    return union;
  }

  #note({ trace }: PacketSet, entry: TraceEntry): readonly TraceEntry[] {
    return this.#traced ? [...trace, entry] : trace;
  }

  /** Merges packet sets that differ only in their trace. */
  #join(sets: readonly PacketSet[]): PacketSet[] {
    if (sets.length < 2 || (this.#traced && sets.length < MAX_PACKET_SETS)) return [...sets];
    const joined = new Map<string, PacketSet>();
    for (const packets of sets) {
      const key = keyOf(packets);
      const before = joined.get(key);
      const set = before === undefined ? packets.set : this.#space.diagrams.or(before.set, packets.set);
      joined.set(key, before === undefined ? packets : { ...before, set });
    }
    return [...joined.values()];
  }
}

/** Two packet sets without traces are equal in everything but their packets if their keys are equal. */
function keyOf({ change, isRemembered, doubts }: PacketSet): string {
  return `${change.keep} ${change.set} ${isRemembered} ${doubts.join("\n")}`;
}

function pushUnlessEmpty(list: PacketSet[], ...sets: readonly PacketSet[]): void {
  for (const packets of sets) if (packets.set !== NOTHING) list.push(packets);
}

function entryOf({ table }: ReadTable, { rule, name, steps }: ReadRule, verdict: Verdict): TraceEntry {
  const base = table.chains.get(rule.chain)?.base;
  const isSteering = base?.type === "route" || rule.chain.startsWith("mark-");
  return {
    name,
    verdict: verdictText(verdict),
    isDistinctive: !isSteering && (base === undefined || steps.length > 0),
  };
}

function verdictText(verdict: Verdict): string {
  return "chain" in verdict ? `${verdict.code} ${verdict.chain}` : verdict.code;
}
