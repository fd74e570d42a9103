/** A range of one source text: offsets in UTF-16 units, the end not included. */
export interface Place {
  readonly source: number;
  readonly start: number;
  readonly end: number;
}

/** A config as it was written: every value and key with its place. */
export type SourceNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | number | boolean | null;
  /** Whether a value here was refused and reported. */
  readonly isRefused?: true;
}

export interface ListNode {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly SourceNode[];
  /** The list as written, if this one lacks some of it. */
  readonly origin?: ListNode;
}

export interface MapNode {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
  /** The map as written, if this one lacks some of it or a required key was missing. */
  readonly origin?: MapNode;
}

export interface MapEntry {
  readonly key: Place;
  readonly value: SourceNode;
}

export type NodePath = readonly (string | number)[];

/** The value as plain data. Maps have no prototype, so that no key can reach one. */
export function toPlain(node: SourceNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toPlain);
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of node.entries) plain[key] = toPlain(entry.value);
  return plain;
}

/** The child under a key or an index. A single value is its own first item. */
export function childOf(node: SourceNode | undefined, step: string | number | undefined): SourceNode | undefined {
  if (typeof step !== "number") return node?.kind === "map" ? node.entries.get(String(step))?.value : undefined;
  if (node?.kind === "list") return node.items[step];
  return step === 0 ? node : undefined;
}

/** The node at a path, if there is one. */
export function nodeAt(root: SourceNode, path: NodePath): SourceNode | undefined {
  let node: SourceNode | undefined = root;
  for (const step of path) node = childOf(node, step);
  return node;
}

/** Whether the value, or anything in it, was refused: its other problems follow from that. */
export function isRefused(node: SourceNode): boolean {
  if (node.kind === "scalar") return node.isRefused === true;
  const values = node.kind === "list" ? node.items : [...node.entries.values()].map((entry) => entry.value);
  return values.some(isRefused);
}

/** The place of the value at a path; if the path leads nowhere, of the nearest key above. */
export function valuePlace(root: SourceNode, path: NodePath): Place {
  const found = nodeAt(root, path);
  if (found !== undefined) return found.place;
  return path.length === 0 ? root.place : keyPlace(root, path.slice(0, -1));
}

/** The place of the key at a path; of the value in a list, or if the path leads nowhere. */
export function keyPlace(root: SourceNode, path: NodePath): Place {
  const parent = nodeAt(root, path.slice(0, -1));
  const entry = parent?.kind === "map" ? parent.entries.get(String(path.at(-1))) : undefined;
  return entry?.key ?? valuePlace(root, path);
}
