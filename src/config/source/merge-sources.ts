import type { Findings } from "./finding.ts";
import type { ListNode, MapEntry, MapNode, Place, SourceNode } from "./source-node.ts";

/** Names a place, for messages with two places. */
export type DescribePlace = (place: Place) => string;

/** Maps of whole objects: the same name in two files is a mistake, not a refinement. */
const WHOLE_ENTRIES: readonly string[] = ["tunnels"];

/**
 * Merges several trees: maps by key, lists one after the other in file order. If two files set one key to different
 * values, both places are reported. Nothing becomes a plain object before validation.
 */
export function mergeSources(
  roots: readonly MapNode[],
  findings: Findings,
  describe: DescribePlace,
): MapNode | undefined {
  const [first, ...rest] = roots;
  if (first === undefined) return undefined;
  return rest.reduce((merged, next) => mergeMaps(merged, next, [], { findings, describe }), first);
}

interface Context {
  readonly findings: Findings;
  readonly describe: DescribePlace;
}

function mergeMaps(a: MapNode, b: MapNode, path: readonly string[], context: Context): MapNode {
  const entries = new Map<string, MapEntry>(a.entries);
  for (const [key, entry] of b.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? entry : mergeEntries(before, entry, [...path, key], context));
  }
  return { kind: "map", place: a.place, entries };
}

function mergeEntries(a: MapEntry, b: MapEntry, path: readonly string[], context: Context): MapEntry {
  const isWhole = path.length === 2 && WHOLE_ENTRIES.includes(path[0] ?? "");
  if (!isWhole && a.value.kind === "map" && b.value.kind === "map") {
    return { key: a.key, value: mergeMaps(a.value, b.value, path, context) };
  }
  if (!isWhole && a.value.kind === "list" && b.value.kind === "list") {
    return { key: a.key, value: concatenate(a.value, b.value) };
  }
  if (isSame(a.value, b.value)) return a;
  const message = `${path.join(".")} is also set in ${context.describe(a.key)}`;
  context.findings.add("duplicate-across-files", b.key, message, "remove it from one of the two files");
  return a;
}

function concatenate(a: ListNode, b: ListNode): ListNode {
  return { kind: "list", place: a.place, items: [...a.items, ...b.items] };
}

/** apiVersion and the like may be in each file, with the same value. */
function isSame(a: SourceNode, b: SourceNode): boolean {
  return a.kind === "scalar" && b.kind === "scalar" && a.value === b.value;
}
