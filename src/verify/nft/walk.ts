import type { Verdict } from "../../native/linux/nftables/expression.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { chainChanges, type MarkChange, UNCHANGED } from "../space/mark-classes.ts";
import type { Term } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedMemory } from "./judged-memory.ts";
import { markTestsIn, testResultsOf } from "./mark-tests.ts";
import { keyOf, type PacketSet, type TraceEntry, withPackets } from "./packet-set.ts";
import type { BaseChain, ReadTable } from "./read-tables.ts";
import type { ReadRule, RuleStep } from "./reading/rule-step.ts";

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

/** Where a chain leaves its packets. */
interface Ends {
  readonly accepted: readonly PacketSet[];
  readonly dropped: readonly PacketSet[];
  /** Packets that reached the end of the chain or returned from it. */
  readonly left: readonly PacketSet[];
}

/** Where one rule leaves its packets: at one of the chain's ends, or before the next rule. */
interface Fate extends Ends {
  readonly next: readonly PacketSet[];
}

const NOWHERE: Fate = { accepted: [], dropped: [], left: [], next: [] };

/** Packets that match a rule. */
interface Match extends PacketSet {
  /** The same packets as they came to the rule. */
  readonly before: Diagram;
  /** Bits of the mark that the rule set to an unknown value. */
  readonly lostBits: number;
  /** Every packet of the set matches. Otherwise the same packets may also continue with the next rule. */
  readonly isCertain: boolean;
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
    let sets = start;
    const dropped: PacketSet[] = [];
    for (const { table, name, base } of chains) {
      const ends = this.#chain(table, name, sets, 0);
      const policy: TraceEntry = {
        name: `${table.table.family} ${table.table.name} ${name}`,
        verdict: `policy ${base.policy}`,
        isDistinctive: false,
      };
      const left = ends.left.map((packets) => this.#noted(packets, policy));
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
    const tests = this.#traced || start.length < 2 ? undefined : markTestsIn(table, name);
    if (tests === undefined) return this.#rules(table, name, start, depth);
    const groups = Map.groupBy(
      start,
      (packets) => `${testResultsOf(tests, packets.change)} ${keyOf({ ...packets, change: UNCHANGED })}`,
    );
    const ends = [...groups.values()].map((group) => this.#mergedGroup(table, name, group, depth));
    return {
      accepted: ends.flatMap(({ accepted }) => accepted),
      dropped: ends.flatMap(({ dropped }) => dropped),
      left: ends.flatMap(({ left }) => left),
    };
  }

  /** Sends packet sets through a chain that cannot distinguish them, as one set. */
  #mergedGroup(table: ReadTable, name: string, group: readonly PacketSet[], depth: number): Ends {
    const [first] = group;
    if (first === undefined || group.length === 1) return this.#rules(table, name, group, depth);
    const { diagrams } = this.#space;
    const set = group.reduce((union, packets) => diagrams.or(union, packets.set), NOTHING);
    const { accepted, dropped, left } = this.#rules(table, name, [{ ...first, set }], depth);
    const apart = (ends: readonly PacketSet[]) =>
      group.flatMap((part) =>
        withPackets(ends.map((end) => ({ ...end, change: part.change, set: diagrams.and(end.set, part.set) }))),
      );
    // The mark of a dropped packet does not matter.
    return { accepted: apart(accepted), dropped, left: apart(left) };
  }

  #rules(table: ReadTable, name: string, start: readonly PacketSet[], depth: number): Ends {
    const ends: { accepted: PacketSet[]; dropped: PacketSet[]; left: PacketSet[] } = {
      accepted: [],
      dropped: [],
      left: [],
    };
    let sets = start;
    for (const rule of table.rules.get(name) ?? []) {
      if (sets.length === 0) break;
      const fates = sets.map((packets) => this.#rule(table, rule, packets, depth));
      for (const { accepted, dropped, left } of fates) {
        ends.accepted.push(...accepted);
        ends.dropped.push(...dropped);
        ends.left.push(...left);
      }
      sets = this.#join(fates.flatMap(({ next }) => next));
    }
    return {
      accepted: this.#join(ends.accepted),
      dropped: this.#join(ends.dropped),
      left: this.#join([...ends.left, ...sets]),
    };
  }

  #rule(table: ReadTable, rule: ReadRule, packets: PacketSet, depth: number): Fate {
    const match = this.#match(rule, packets);
    if (match.set === NOTHING) return { ...NOWHERE, next: [packets] };
    const rest = match.isCertain ? this.#space.diagrams.minus(packets.set, match.before) : packets.set;
    const others = withPackets([{ ...packets, set: rest }]);
    const { verdict } = rule;
    if (verdict === undefined || verdict.code === "continue") {
      if (match.change === packets.change && match.lostBits === 0) return { ...NOWHERE, next: [packets] };
      return { ...NOWHERE, next: [...withPackets(this.#withMarks(match)), ...others] };
    }
    const fates = this.#withMarks(this.#noted(match, entryOf(table, rule, verdict))).map((part) =>
      this.#verdict(table, rule.name, verdict, part, depth),
    );
    return {
      accepted: fates.flatMap(({ accepted }) => accepted),
      dropped: fates.flatMap(({ dropped }) => dropped),
      left: fates.flatMap(({ left }) => left),
      next: [...fates.flatMap(({ next }) => next), ...others],
    };
  }

  /** Where the verdict of a rule sends the packets that match it. */
  #verdict(table: ReadTable, rule: string, verdict: Verdict, part: PacketSet, depth: number): Fate {
    switch (verdict.code) {
      case "accept":
        return { ...NOWHERE, accepted: [part] };
      case "drop":
        return { ...NOWHERE, dropped: [part] };
      case "return":
        return { ...NOWHERE, left: [part] };
      case "continue":
        return { ...NOWHERE, next: [part] };
      case "queue": {
        const doubts = [...part.doubts, `${rule}: another program decides (queue)`];
        return { ...NOWHERE, accepted: [{ ...part, doubts }], dropped: [part] };
      }
      case "jump":
      case "goto": {
        if (depth >= MAX_DEPTH) return NOWHERE;
        const { accepted, dropped, left } = this.#chain(table, verdict.chain, [part], depth + 1);
        return verdict.code === "jump"
          ? { accepted, dropped, left: [], next: left }
          : { accepted, dropped, left, next: [] };
      }
    }
  }

  /** The packets that match all steps of a rule. */
  #match(rule: ReadRule, packets: PacketSet): Match {
    const { diagrams } = this.#space;
    let match: Match = { ...packets, before: packets.set, lostBits: 0, isCertain: true };
    const narrowed = (holds: Diagram): Match => ({
      ...match,
      set: diagrams.and(match.set, holds),
      before: diagrams.and(match.before, holds),
    });
    const doubted = (what: string): Match => ({
      ...match,
      doubts: [...match.doubts, `${rule.name}: ${what}`],
      isCertain: false,
    });
    for (const step of rule.steps) {
      switch (step.kind) {
        case "test":
          match = narrowed(this.#alternatives(step.any, match.change));
          break;
        case "remembered":
          match = {
            ...narrowed(this.#judged?.mayHold(step, match.change) ?? EVERYTHING),
            isRemembered: true,
            isCertain: false,
          };
          break;
        case "remember":
          this.#judged?.add(step, match.set, match.change);
          break;
        case "mark":
          match = { ...match, change: chainChanges(match.change, step.change) };
          break;
        case "mark-lost":
          match = { ...doubted(UNKNOWN_MARK), lostBits: (match.lostBits | step.bits) >>> 0 };
          break;
        case "doubt":
          match = doubted(step.what);
          break;
      }
      if (match.set === NOTHING) break;
    }
    return match;
  }

  /** Continues with every possible value of the mark bits that a rule set to an unknown value. */
  #withMarks({ before: _before, lostBits, isCertain: _isCertain, ...packets }: Match): PacketSet[] {
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

  #noted<Packets extends PacketSet>(packets: Packets, entry: TraceEntry): Packets {
    return this.#traced ? { ...packets, trace: [...packets.trace, entry] } : packets;
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
