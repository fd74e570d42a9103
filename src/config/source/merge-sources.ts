import type { Findings } from "./finding.ts";
import type { ListNode, MapEntry, MapNode, Place, SourceNode } from "./source-node.ts";

/** Says where a place is, for messages that name two. */
export type DescribePlace = (place: Place) => string;

/** Maps whose entries are whole things: the same name in two files is a mistake, not a refinement. */
const WHOLE_ENTRIES: readonly string[] = ["tunnels"];

/**
 * Makes one tree of several: maps merge by key, lists follow one another in the order of the files, and where two files
 * say different things about one key, both places are named. Nothing is merged into plain objects before validation.
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
  const message = `${path.join(".")} stands also in ${context.describe(a.key)}`;
  context.findings.add("duplicate-across-files", b.key, message, "leave it in one of the two files");
  return a;
}

function concatenate(a: ListNode, b: ListNode): ListNode {
  return { kind: "list", place: a.place, items: [...a.items, ...b.items] };
}

/** apiVersion and the like may stand in each file, with the same value. */
function isSame(a: SourceNode, b: SourceNode): boolean {
  return a.kind === "scalar" && b.kind === "scalar" && a.value === b.value;
}
