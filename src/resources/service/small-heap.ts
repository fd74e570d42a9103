/** Node's words for a process whose answers are garbage at once: without them it keeps 250 MB (bench/api.ts). */
export const SMALL_HEAP: readonly string[] = ["--max-old-space-size=96", "--max-semi-space-size=2"];

/** The program with a small heap, where it is run by its Node. Pure. */
export function withSmallHeap([node = "", ...rest]: readonly string[]): readonly string[] {
  return node.endsWith("/node") ? [node, ...SMALL_HEAP, ...rest] : [node, ...rest];
}
