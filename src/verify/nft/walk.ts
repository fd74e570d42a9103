import type { Verdict } from "../../native/linux/nftables/expression.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { chainChanges, type MarkChange, UNCHANGED } from "../space/mark-classes.ts";
import type { Term } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedMemory } from "./judged-memory.ts";
import { answersOf, marksAskedIn } from "./marks-asked.ts";
import type { BaseChain, ReadTable } from "./read-tables.ts";
import type { ReadRule, RuleStep } from "./reading/rule-step.ts";

/** Packets that went the same way so far. */
export interface Piece {
  /** As they were before any rule. */
  readonly set: Diagram;
  /** What became of their mark. */
  readonly change: MarkChange;
  /** Whether a rule knew them for packets of a judged flow (S5.6). */
  readonly isRemembered: boolean;
  /** The rules whose verdict they met, where the way is asked for. */
  readonly trace: readonly Hit[];
  /** What could not be said on the way: the packets may also have gone another one. */
  readonly doubts: readonly string[];
}

/** A rule, or the policy at a base chain's end, and what it said. */
export interface Hit {
  readonly name: string;
  readonly verdict: string;
  /** Whether it tells one way from another: not steering, nor what a base chain asks of every packet. */
  readonly isTelling: boolean;
}

/** What base chains make of packets. Where something could not be said, packets may stand in both. */
export interface Passage {
  readonly accepted: readonly Piece[];
  readonly dropped: readonly Piece[];
}

/** Deeper jumps the kernel refuses (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;
/** With more ways than this apart, they are put together: the sets stay right, the traces become shorter. */
const MOST_PIECES = 3_000;

/**
 * Sends a set of packets through base chains, one after the other. `traced` keeps apart what met different rules. Without
 * `judged` any key may be in a set of judged flows.
 */
export function walk(
  space: PacketSpace,
  chains: readonly BaseChain[],
  start: readonly Piece[],
  traced = false,
  judged?: JudgedMemory,
): Passage {
  return new Walker(space, traced, judged).walk(chains, start);
}

/** Packets at the beginning of their way. */
export function startingWith(set: Diagram): Piece[] {
  return set === NOTHING ? [] : [{ set, change: UNCHANGED, isRemembered: false, trace: [], doubts: [] }];
}

interface Ends {
  readonly accepted: Piece[];
  readonly dropped: Piece[];
  /** Packets that came to the end of the chain, or were sent back. */
  readonly left: Piece[];
}

/** Packets that meet a rule; `before` are those that do not go on behind it. */
interface Met extends Piece {
  readonly before: Diagram;
  /** Bits of the mark that the rule wrote in a way nobody can say. */
  readonly lostBits: number;
}

/** A verdict to be carried out, and where the packets go then. */
interface Taking {
  readonly table: ReadTable;
  readonly rule: ReadRule;
  readonly verdict: Verdict;
  readonly depth: number;
  readonly ends: Ends;
  readonly next: Piece[];
}

const LOST_MARK = "writes a mark that cannot be said";

class Walker {
  readonly #space: PacketSpace;
  readonly #traced: boolean;
  readonly #judged: JudgedMemory | undefined;

  constructor(space: PacketSpace, traced: boolean, judged: JudgedMemory | undefined) {
    this.#space = space;
    this.#traced = traced;
    this.#judged = judged;
  }

  walk(chains: readonly BaseChain[], start: readonly Piece[]): Passage {
    let pieces = [...start];
    const dropped: Piece[] = [];
    for (const { table, name, base } of chains) {
      const ends = this.#chain(table, name, pieces, 0);
      const policy: Hit = {
        name: `${table.table.family} ${table.table.name} ${name}`,
        verdict: `policy ${base.policy}`,
        isTelling: false,
      };
      const left = ends.left.map((piece) => ({ ...piece, trace: this.#note(piece, policy) }));
      dropped.push(...ends.dropped, ...(base.policy === "drop" ? left : []));
      pieces = this.#join([...ends.accepted, ...(base.policy === "accept" ? left : [])]);
    }
    return { accepted: pieces, dropped: this.#join(dropped) };
  }

  /**
   * Pieces that differ in a mark alone of which nothing in a chain asks go through it as one: with hundreds of tunnels each
   * rule would be asked hundreds of times. What came of each is then told by the packets that it had.
   */
  #chain(table: ReadTable, name: string, start: readonly Piece[], depth: number): Ends {
    const asked = this.#traced || start.length < 2 ? undefined : marksAskedIn(table, name);
    if (asked === undefined) return this.#rules(table, name, start, depth);
    const groups = Map.groupBy(
      start,
      (piece) => `${answersOf(asked, piece.change)} ${keyOf({ ...piece, change: UNCHANGED })}`,
    );
    const all: Ends = { accepted: [], dropped: [], left: [] };
    for (const [first, ...others] of groups.values() as Iterable<[Piece, ...Piece[]]>) {
      const set = others.reduce((union, piece) => this.#space.diagrams.or(union, piece.set), first.set);
      const ends = this.#rules(table, name, [{ ...first, set }], depth);
      // Of what is dropped nobody asks for the mark.
      all.dropped.push(...ends.dropped);
      for (const end of ["accepted", "left"] as const) {
        const apart = [first, ...others].flatMap((piece) =>
          ends[end].map((one) => ({ ...one, change: piece.change, set: this.#space.diagrams.and(one.set, piece.set) })),
        );
        pushUnlessEmpty(all[end], ...(others.length === 0 ? ends[end] : apart));
      }
    }
    return all;
  }

  #rules(table: ReadTable, name: string, start: readonly Piece[], depth: number): Ends {
    const ends: Ends = { accepted: [], dropped: [], left: [] };
    let pieces = [...start];
    for (const rule of table.rules.get(name) ?? []) {
      if (pieces.length === 0) break;
      const next: Piece[] = [];
      for (const piece of pieces) this.#rule(table, rule, piece, depth, ends, next);
      pieces = this.#join(next);
    }
    ends.left.push(...pieces);
    return { accepted: this.#join(ends.accepted), dropped: this.#join(ends.dropped), left: this.#join(ends.left) };
  }

  #rule(table: ReadTable, rule: ReadRule, piece: Piece, depth: number, ends: Ends, next: Piece[]): void {
    const { diagrams } = this.#space;
    const met = this.#meet(rule, piece);
    if (met.set === NOTHING) {
      next.push(piece);
      return;
    }
    const { verdict } = rule;
    const isSure =
      met.doubts === piece.doubts && rule.steps.every(({ kind }) => kind !== "either" && kind !== "remembered");
    const rest = isSure ? diagrams.minus(piece.set, met.before) : piece.set;
    if (verdict === undefined || verdict.code === "continue") {
      const isSame = met.change === piece.change;
      if (isSame && met.lostBits === 0) next.push(piece);
      else pushUnlessEmpty(next, ...this.#withMarks(met), { ...piece, set: rest });
      return;
    }
    const trace = this.#note(met, hitOf(table, rule, verdict));
    for (const hit of this.#withMarks({ ...met, trace })) this.#take({ table, rule, verdict, depth, ends, next }, hit);
    pushUnlessEmpty(next, { ...piece, set: rest });
  }

  /** Sends what met a rule where its verdict says. */
  #take({ table, rule, verdict, depth, ends, next }: Taking, hit: Piece): void {
    switch (verdict.code) {
      case "accept":
        ends.accepted.push(hit);
        return;
      case "drop":
        ends.dropped.push(hit);
        return;
      case "return":
        ends.left.push(hit);
        return;
      case "queue":
        ends.accepted.push({ ...hit, doubts: [...hit.doubts, `${rule.name}: another program decides (queue)`] });
        ends.dropped.push(hit);
        return;
      case "jump":
      case "goto": {
        if (depth >= DEEPEST) return;
        const inner = this.#chain(table, verdict.chain, [hit], depth + 1);
        ends.accepted.push(...inner.accepted);
        ends.dropped.push(...inner.dropped);
        (verdict.code === "jump" ? next : ends.left).push(...inner.left);
      }
    }
  }

  /** The packets that meet all of a rule; `before` are the same as they stand in the piece. */
  #meet(rule: ReadRule, piece: Piece): Met {
    let { set, change, isRemembered, doubts } = piece;
    let before = piece.set;
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
        doubts = [...doubts, `${rule.name}: ${LOST_MARK}`];
      } else if (step.kind === "doubt") doubts = [...doubts, `${rule.name}: ${step.what}`];
    }
    return { ...piece, set, change, isRemembered, doubts, before, lostBits };
  }

  /** Where a rule wrote bits that nobody can say, the packets go on with every value that these may have. */
  #withMarks({ before: _before, lostBits, ...piece }: Met): Piece[] {
    if (lostBits === 0) return [piece];
    const values = new Set(this.#space.marks.map((mark) => (mark & lostBits) >>> 0));
    return [...values].map((set) => ({
      ...piece,
      change: chainChanges(piece.change, { keep: ~lostBits >>> 0, set }),
    }));
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

  #note({ trace }: Piece, hit: Hit): readonly Hit[] {
    return this.#traced ? [...trace, hit] : trace;
  }

  /** Puts together what differs only in how it came here. */
  #join(pieces: readonly Piece[]): Piece[] {
    if (pieces.length < 2 || (this.#traced && pieces.length < MOST_PIECES)) return [...pieces];
    const joined = new Map<string, Piece>();
    for (const piece of pieces) {
      const key = keyOf(piece);
      const before = joined.get(key);
      const set = before === undefined ? piece.set : this.#space.diagrams.or(before.set, piece.set);
      joined.set(key, before === undefined ? piece : { ...before, set });
    }
    return [...joined.values()];
  }
}

/** What tells pieces apart that have no traces. */
function keyOf({ change, isRemembered, doubts }: Piece): string {
  return `${change.keep} ${change.set} ${isRemembered} ${doubts.join("\n")}`;
}

function pushUnlessEmpty(list: Piece[], ...pieces: readonly Piece[]): void {
  for (const piece of pieces) if (piece.set !== NOTHING) list.push(piece);
}

function hitOf({ table }: ReadTable, { rule, name, steps }: ReadRule, verdict: NonNullable<ReadRule["verdict"]>): Hit {
  const base = table.chains.get(rule.chain)?.base;
  const isSteering = base?.type === "route" || rule.chain.startsWith("mark-");
  return { name, verdict: verdictText(verdict), isTelling: !isSteering && (base === undefined || steps.length > 0) };
}

function verdictText(verdict: NonNullable<ReadRule["verdict"]>): string {
  return "chain" in verdict ? `${verdict.code} ${verdict.chain}` : verdict.code;
}
