import type { ByteSet, Syntax } from "./syntax.ts";

/**
 * A pattern as a table: one look-up a byte, whatever the pattern. State 0 matches nothing any more, 1 is the start.
 */
export interface Automaton {
  /** The next state for each state and byte, at `state * 256 + byte`; with ACCEPTED if the text may end there. */
  readonly next: Uint16Array;
  /** Whether the empty text matches. */
  readonly acceptsNothing: boolean;
}

/** A pattern that needs more states than the kernel's tables have room for. */
export class PatternTooLarge extends Error {}

/** The bit of a state's number that says the text may end there. */
export const ACCEPTED = 0x8000;
/** States of one pattern. */
export const MOST_STATES = 512;
const MOST_NODES = 20_000;
const BYTES = 256;

/**
 * The automaton of a pattern. With `isSearch` the pattern may be anywhere in the text, else it is the whole text.
 *
 * @throws PatternTooLarge
 */
export function automaton(syntax: Syntax, { isSearch = false } = {}): Automaton {
  const graph = new Graph();
  const final = graph.add(syntax, graph.begin);
  const kinds = bytesAlike(graph);
  const numbers = new Map<string, number>();
  const rows: number[] = new Array(BYTES).fill(0);
  const sets: Closure[] = [];
  const numberOf = (closure: Closure): number => {
    if (closure.states.length === 0) return 0;
    const isFound = isSearch && closure.states.includes(final);
    const key = isFound ? "found" : `${closure.states.join()}${closure.atEnd.includes(final) ? "!" : ""}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    if (numbers.size >= MOST_STATES) throw new PatternTooLarge(`it needs more than ${MOST_STATES} states`);
    sets.push(isFound ? { ...closure, isFound } : closure);
    numbers.set(key, sets.length);
    return sets.length;
  };
  const mayEnd = (closure: Closure): boolean => closure.isFound === true || closure.atEnd.includes(final);
  const start = graph.closure([graph.begin], true);
  numberOf(start);
  for (let index = 0; index < sets.length; index += 1) {
    const from = sets[index] as Closure;
    const reached = kinds.map((byte) => {
      if (from.isFound === true) return (index + 1) | ACCEPTED;
      const moved = graph.move(from.states, byte);
      const closure = graph.closure(isSearch ? [...moved, graph.begin] : moved, false);
      const number = numberOf(closure);
      return number === 0 || !mayEnd(sets[number - 1] as Closure) ? number : number | ACCEPTED;
    });
    for (let byte = 0; byte < BYTES; byte += 1) rows.push(reached[graph.kindOf[byte] ?? 0] ?? 0);
  }
  return { next: Uint16Array.from(rows), acceptsNothing: mayEnd(start) };
}

/** Whether a text matches, given as its bytes. */
export function accepts({ next, acceptsNothing }: Automaton, text: Uint8Array): boolean {
  let state = acceptsNothing ? 1 | ACCEPTED : 1;
  for (const byte of text) state = next[(state & ~ACCEPTED) * BYTES + byte] ?? 0;
  return (state & ACCEPTED) !== 0;
}

/** States that can be reached without a byte; and those that can be at the text's end. */
interface Closure {
  readonly states: readonly number[];
  readonly atEnd: readonly number[];
  /** The pattern was found, whatever follows. */
  readonly isFound?: boolean;
}

/** Thompson's construction: nodes with moves by bytes, and with moves without one. */
class Graph {
  readonly begin = 0;
  readonly #moves: ({ readonly set: ByteSet; readonly to: number } | undefined)[] = [undefined];
  readonly #free: { readonly to: number; readonly at?: "start" | "end" }[][] = [[]];
  readonly sets: ByteSet[] = [];
  kindOf: Uint8Array = new Uint8Array(BYTES);

  /** Adds what matches the syntax from a node on; returns the node behind it. */
  add(syntax: Syntax, from: number): number {
    switch (syntax.kind) {
      case "byte": {
        const to = this.#node();
        const before = this.#node();
        this.#join(from, before);
        this.#moves[before] = { set: syntax.set, to };
        this.sets.push(syntax.set);
        return to;
      }
      case "sequence":
        return syntax.parts.reduce((at, part) => this.add(part, at), from);
      case "choice": {
        const end = this.#node();
        for (const part of syntax.parts) {
          const start = this.#node();
          this.#join(from, start);
          this.#join(this.add(part, start), end);
        }
        return end;
      }
      case "repeat":
        return this.#repeat(syntax, from);
      default: {
        const to = this.#node();
        this.#free[from]?.push({ to, at: syntax.kind });
        return to;
      }
    }
  }

  #repeat({ part, least, most }: Extract<Syntax, { kind: "repeat" }>, from: number): number {
    let at = from;
    for (let count = 0; count < least; count += 1) at = this.add(part, at);
    if (most === undefined) {
      const loop = this.#node();
      this.#join(at, loop);
      this.#join(this.add(part, loop), loop);
      const end = this.#node();
      this.#join(loop, end);
      return end;
    }
    const end = this.#node();
    for (let count = least; count < most; count += 1) {
      this.#join(at, end);
      at = this.add(part, at);
    }
    this.#join(at, end);
    return end;
  }

  #node(): number {
    if (this.#moves.length >= MOST_NODES) throw new PatternTooLarge("it repeats too much");
    this.#free.push([]);
    return this.#moves.push(undefined) - 1;
  }

  #join(from: number, to: number): void {
    this.#free[from]?.push({ to });
  }

  closure(states: readonly number[], isStart: boolean): Closure {
    const reach = (isEnd: boolean): number[] => {
      const seen = new Set(states);
      for (const state of seen) {
        for (const { to, at } of this.#free[state] ?? []) {
          if (at === undefined || (at === "start" && isStart) || (at === "end" && isEnd)) seen.add(to);
        }
      }
      return [...seen].toSorted((a, b) => a - b);
    };
    return { states: reach(false), atEnd: reach(true) };
  }

  move(states: readonly number[], byte: number): number[] {
    return states.flatMap((state) => {
      const move = this.#moves[state];
      return move?.set[byte] === 1 ? [move.to] : [];
    });
  }
}

/** One byte of each kind that the pattern distinguishes; `kindOf` says which kind a byte is. */
function bytesAlike(graph: Graph): number[] {
  const kinds = new Map<string, number>();
  const examples: number[] = [];
  const sets = [...new Map(graph.sets.map((set) => [set.join(""), set])).values()];
  for (let byte = 0; byte < BYTES; byte += 1) {
    const text = sets.map((set) => set[byte]).join("");
    const known = kinds.get(text) ?? examples.push(byte) - 1;
    kinds.set(text, known);
    graph.kindOf[byte] = known;
  }
  return examples;
}
