import { hashOf } from "../../../model/canonical.ts";
import { CLASSES } from "../../../model/ownership.ts";
import type { ClassifierCondition, ClassifierSpec, SocketClass } from "../../../model/program/classifier.ts";
import type { ProgramCondition } from "./program-condition.ts";

/**
 * The same classes with lasting numbers: a class that means the same as one of the last spec keeps its number, and any
 * other gets one that the last spec does not use. Open sockets keep their numbers over a change, so a number must not
 * change its meaning; a number that no class has counts as none.
 */
export function numberClasses(spec: ClassifierSpec, last: ClassifierSpec | undefined): ClassifierSpec {
  const before = new Map(
    last === undefined ? [] : meaningsOf(last).map((one, at) => [one, last.classes[at]?.number ?? 0]),
  );
  const meanings = meaningsOf(spec);
  const taken = new Set(before.values());
  const numbers = new Map(meanings.flatMap((meaning) => pairOf(meaning, before.get(meaning))));
  for (const meaning of meanings) {
    if (numbers.has(meaning)) continue;
    const number = freeNumber(meaning, taken) ?? freeNumber(meaning, new Set(numbers.values()));
    if (number === undefined) throw new RangeError("more classes than a mark can hold");
    taken.add(number);
    numbers.set(meaning, number);
  }
  const classes = spec.classes.map((one, index) => ({ ...one, number: numbers.get(meanings[index] ?? "") ?? 0 }));
  return { ...spec, classes };
}

/** A condition with its atoms instead of their positions. */
export function conditionIn({ atoms }: ClassifierSpec, condition: ClassifierCondition): ProgramCondition {
  const inner = (one: ClassifierCondition): ProgramCondition => conditionIn({ atoms } as ClassifierSpec, one);
  if ("all" in condition) return { all: condition.all.map(inner) };
  if ("any" in condition) return { any: condition.any.map(inner) };
  if ("not" in condition) return { not: inner(condition.not) };
  const atom = atoms[condition.atom];
  return atom === undefined ? { any: [] } : { atom };
}

/** What is known of a socket with the class: the conditions that hold, and those that do not. */
export function knownOf(
  { conditions }: SocketClass,
  spec: ClassifierSpec,
): Readonly<Record<"held" | "failed", number[]>> {
  const end = conditions.find((position) => spec.final.includes(position)) ?? spec.conditions.length;
  const failed = spec.conditions.map((_, position) => position).filter((one) => one < end && !conditions.includes(one));
  return { held: [...conditions], failed };
}

/** What each class means, by its own position; each condition is hashed once. */
function meaningsOf(spec: ClassifierSpec): string[] {
  const hashes = spec.conditions.map((condition) => hashOf(conditionIn(spec, condition)));
  const known = (positions: readonly number[]) => positions.map((position) => hashes[position] ?? "").toSorted();
  return spec.classes.map((one) => {
    const { held, failed } = knownOf(one, spec);
    return hashOf([known(held), known(failed)]);
  });
}

/** The number to which the meaning itself points, so that it is mostly the same without a last spec too, or the next. */
function freeNumber(meaning: string, taken: ReadonlySet<number>): number | undefined {
  const count = CLASSES.last - CLASSES.first + 1;
  const start = Number.parseInt(meaning.slice(0, 8), 16) % count;
  for (let step = 0; step < count; step += 1) {
    const number = CLASSES.first + ((start + step) % count);
    if (!taken.has(number)) return number;
  }
  return undefined;
}

function pairOf(meaning: string, number: number | undefined): [string, number][] {
  return number === undefined ? [] : [[meaning, number]];
}
