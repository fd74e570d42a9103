import { AwgError } from "../../model/error.ts";

/** A change of the mark by a rule: `(mark & keep) ^ set`. */
export interface MarkChange {
  readonly keep: number;
  readonly set: number;
}

/** Every bit of a mark. */
export const ALL_BITS = 0xffff_ffff;

export const UNCHANGED: MarkChange = { keep: ALL_BITS, set: 0 };

/** A test of, or a write to, some bits of the mark, with the values in the rule. */
export interface MarkUse {
  readonly mask: number;
  readonly values: readonly number[];
}

const MAX_CLASSES = 4096;

/** The mark after a change. */
export function changeMark({ keep, set }: MarkChange, mark: number): number {
  return ((mark & keep) ^ set) >>> 0;
}

/** Combines two consecutive changes. */
export function chainChanges(first: MarkChange, second: MarkChange): MarkChange {
  return { keep: (first.keep & second.keep) >>> 0, set: ((first.set & second.keep) ^ second.set) >>> 0 };
}

/**
 * One mark for each class that the uses distinguish, before and after any write.
 *
 * Bits that always occur together form a group. A group has each named value and one unnamed value. The marks are all
 * combinations.
 *
 * @throws AwgError("unsupported") when there are too many combinations.
 */
export function markClasses(uses: readonly MarkUse[]): number[] {
  let marks = [0];
  for (const [bits, values] of bitGroups(uses)) {
    const choices = [...values];
    const other = unnamedValue(bits, values);
    if (other !== undefined) choices.push(other);
    marks = choices.flatMap((choice) => marks.map((mark) => (mark | choice) >>> 0));
    if (marks.length > MAX_CLASSES) {
      throw new AwgError("unsupported", "the rules match more combinations of packet marks than can be judged");
    }
  }
  return marks.toSorted((a, b) => a - b);
}

function bitGroups(uses: readonly MarkUse[]): Map<number, Set<number>> {
  const bySignature = new Map<string, number>();
  for (let bit = 0; bit < 32; bit += 1) {
    const signature = uses.map(({ mask }) => (mask >>> bit) & 1).join("");
    if (!signature.includes("1")) continue;
    bySignature.set(signature, ((bySignature.get(signature) ?? 0) | (1 << bit)) >>> 0);
  }
  const groups = new Map([...bySignature.values()].map((bits) => [bits, new Set([0])]));
  for (const [bits, values] of groups) {
    for (const use of uses) {
      if ((use.mask & bits) !== 0) for (const value of use.values) values.add((value & bits) >>> 0);
    }
  }
  return groups;
}

/** A value of these bits that is not in the list; undefined if all values are. */
function unnamedValue(bits: number, named: ReadonlySet<number>): number | undefined {
  let value = 0;
  for (let tries = 0; tries <= named.size; tries += 1) {
    if (!named.has(value)) return value;
    // The next larger number with no other bits.
    value = ((value | ~bits) + 1) & bits;
    value >>>= 0;
    if (value === 0) return undefined;
  }
  return undefined;
}
