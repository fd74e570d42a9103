import { ignorablePointers } from "./ignorable.ts";

/** What is done where another program holds or changes a field: put back, left as it is, or taken over with its holder. */
export type ConflictAnswer = "assert" | "yield" | "adopt";

/** The pointer that `conflicts` names a tunnel's device by. */
export function devicePointer(tunnel: string): string {
  return `/link/${tunnel}/device`;
}

/** The pointers that `conflicts` takes with each answer, given how many peers each tunnel has. Pure. */
export function conflictPointers(peersOf: Readonly<Record<string, number>>): Record<ConflictAnswer, readonly string[]> {
  const yielding = ignorablePointers(peersOf);
  const adopting = Object.keys(peersOf).map(devicePointer);
  return { assert: [...yielding, ...adopting], yield: yielding, adopt: adopting };
}
