import { AwgError } from "../../../model/error.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { ACCEPTED, type Automaton } from "../../../model/program/pattern/automaton.ts";
import { patternAutomaton, patternOf } from "../../../model/program/pattern/pattern.ts";
import type { ClassifierPatterns, PatternStart } from "./program/question.ts";
import { bitsOf } from "./tables.ts";

/** Columns of a state, each of two bytes. */
const BYTES = 256;
/** States of all patterns together: 2 MiB of kernel memory. */
const MOST_STATES = 4096;

/** A pattern on a path behind the states: its first state, and its atom as a bit of two words. */
export const PATH_ROW = { state: 0, low: 8, high: 16, bytes: 32 } as const;

/** The automata of a spec behind each other, then a row for each pattern on a path. */
export interface PatternTable extends ClassifierPatterns {
  /** Little-endian. */
  readonly bytes: Uint8Array;
}

/** How many rows there are for patterns on paths: a power of two, so that a mask bounds the number of a row. */
export function pathRows(paths: number): number {
  return powerOfTwo(paths);
}

/**
 * The table of a spec's patterns.
 *
 * @throws AwgError unsupported when they need too many states together.
 */
export function patternTable({ atoms }: ClassifierSpec): PatternTable {
  const found = atoms.flatMap((atom, position) => {
    const pattern = patternOf(atom);
    return pattern === undefined ? [] : [{ position, pattern, automaton: patternAutomaton(pattern) }];
  });
  const used = found.reduce((sum, { automaton }) => sum + statesOf(automaton), 0);
  if (used > MOST_STATES) {
    throw new AwgError("unsupported", `the patterns on programs need ${used} states, at most ${MOST_STATES}`, {
      remedy: "shorten or remove some",
    });
  }
  const states = powerOfTwo(used);
  const rows = new Uint16Array(states * BYTES);
  const paths: PatternStart[] = [];
  const commands: PatternStart[] = [];
  let base = 0;
  for (const { position, pattern, automaton } of found) {
    const { next, acceptsNothing } = automaton;
    for (const [index, to] of next.entries()) rows[base * BYTES + index] = to + base;
    const start = { atom: position, state: base + 1 + (acceptsNothing ? ACCEPTED : 0) };
    ("commandLine" in pattern ? commands : paths).push(start);
    base += statesOf(automaton);
  }
  const bytes = new Uint8Array(rows.byteLength + pathRows(paths.length) * PATH_ROW.bytes);
  bytes.set(new Uint8Array(rows.buffer));
  for (const [index, start] of paths.entries()) bytes.set(pathRow(start), rows.byteLength + index * PATH_ROW.bytes);
  return { bytes, states, paths: paths.length, commands };
}

function pathRow({ atom, state }: PatternStart): Uint8Array {
  const [low, high] = bitsOf([atom]);
  return new Uint8Array(BigUint64Array.of(BigInt(state), low, high).buffer);
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
}

function statesOf({ next }: Automaton): number {
  return next.length / BYTES;
}
