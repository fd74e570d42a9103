import type { z } from "zod";
import { type MapEntry, type MapNode, type NodePath, nodeAt, type SourceNode } from "../source/source-node.ts";

type Issue = z.core.$ZodIssue;

/** What leaves the tree, and which maps count as changed although nothing leaves them. */
interface Faulty {
  readonly nodes: ReadonlySet<SourceNode>;
  readonly keys: ReadonlyMap<SourceNode, ReadonlySet<string>>;
  readonly incomplete: ReadonlySet<SourceNode>;
}

/**
 * The tree without what the issues name, so that the rest can still be checked: unknown keys and invalid values are
 * removed. A map with a missing key stays, marked as changed, if `keepIncomplete`; otherwise it is removed.
 */
export function pruneIssues(root: MapNode, issues: readonly Issue[], keepIncomplete: boolean): MapNode {
  const nodes = new Set<SourceNode>();
  const keys = new Map<SourceNode, Set<string>>();
  const incomplete = new Set<SourceNode>();
  for (const issue of issues) {
    const path = issue.path as NodePath;
    const node = nodeAt(root, path);
    if (issue.code === "unrecognized_keys" && node !== undefined) {
      keys.set(node, new Set([...(keys.get(node) ?? []), ...issue.keys]));
    } else if (node === undefined && keepIncomplete) incomplete.add(nearestNode(root, path));
    else nodes.add(nearestNode(root, path));
  }
  const pruned = pruneNode(root, { nodes, keys, incomplete });
  return pruned?.kind === "map" ? pruned : { ...root, entries: new Map(), origin: root };
}

function nearestNode(root: MapNode, path: NodePath): SourceNode {
  for (let length = path.length; length > 0; length -= 1) {
    const node = nodeAt(root, path.slice(0, length));
    if (node !== undefined) return node;
  }
  return root;
}

/** An unchanged node stays the same object; a changed one remembers its origin. */
function pruneNode(node: SourceNode, faulty: Faulty): SourceNode | undefined {
  if (faulty.nodes.has(node)) return undefined;
  if (node.kind === "scalar") return node;
  if (node.kind === "list") {
    const items = node.items.flatMap((item) => pruneNode(item, faulty) ?? []);
    return items.length === node.items.length && items.every((item, index) => item === node.items[index])
      ? node
      : { ...node, items, origin: node.origin ?? node };
  }
  const gone = faulty.keys.get(node);
  let isChanged = faulty.incomplete.has(node);
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries) {
    const value = gone?.has(key) === true ? undefined : pruneNode(entry.value, faulty);
    isChanged ||= value !== entry.value;
    if (value !== undefined) entries.set(key, { key: entry.key, value });
  }
  return isChanged ? { ...node, entries, origin: node.origin ?? node } : node;
}
