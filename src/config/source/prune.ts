import type { z } from "zod";
import { type MapEntry, type MapNode, type NodePath, nodeAt, type SourceNode } from "./source-node.ts";

type Issue = z.core.$ZodIssue;

/**
 * The tree without what the issues name, so that the rest can still be checked: unknown keys and invalid values are
 * removed, and so is a map with a missing key.
 */
export function pruneIssues(root: MapNode, issues: readonly Issue[]): MapNode {
  const doomed = new Set<SourceNode>();
  const doomedKeys = new Map<SourceNode, Set<string>>();
  for (const issue of issues) {
    const path = issue.path as NodePath;
    const node = nodeAt(root, path);
    if (issue.code === "unrecognized_keys" && node !== undefined) {
      doomedKeys.set(node, new Set([...(doomedKeys.get(node) ?? []), ...issue.keys]));
    } else doomed.add(nearestNode(root, path));
  }
  const pruned = pruneNode(root, doomed, doomedKeys);
  return pruned?.kind === "map" ? pruned : { ...root, entries: new Map() };
}

function nearestNode(root: MapNode, path: NodePath): SourceNode {
  for (let length = path.length; length > 0; length -= 1) {
    const node = nodeAt(root, path.slice(0, length));
    if (node !== undefined) return node;
  }
  return root;
}

/** An unchanged node stays the same object, so that a check can detect it. */
function pruneNode(
  node: SourceNode,
  doomed: ReadonlySet<SourceNode>,
  doomedKeys: ReadonlyMap<SourceNode, ReadonlySet<string>>,
): SourceNode | undefined {
  if (doomed.has(node)) return undefined;
  if (node.kind === "scalar") return node;
  if (node.kind === "list") {
    const items = node.items.flatMap((item) => pruneNode(item, doomed, doomedKeys) ?? []);
    return items.length === node.items.length && items.every((item, index) => item === node.items[index])
      ? node
      : { ...node, items };
  }
  const gone = doomedKeys.get(node);
  let isChanged = false;
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries) {
    const value = gone?.has(key) === true ? undefined : pruneNode(entry.value, doomed, doomedKeys);
    isChanged ||= value !== entry.value;
    if (value !== undefined) entries.set(key, { key: entry.key, value });
  }
  return isChanged ? { ...node, entries } : node;
}
