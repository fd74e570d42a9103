/** A config to be written: each value has the place it was imported from. */
export type Outline =
  | { readonly kind: "scalar"; readonly value: string | number | boolean; readonly place: string }
  | { readonly kind: "list"; readonly items: readonly Outline[] }
  | { readonly kind: "map"; readonly entries: readonly OutlineEntry[] };

export interface OutlineEntry {
  readonly key: string;
  readonly value: Outline;
  /** Lines above the key, without the `#`. */
  readonly comment?: readonly string[];
}

/** A single value. */
export function scalar(value: string | number | boolean, place = ""): Outline {
  return { kind: "scalar", value, place };
}

/** A list of values. */
export function list(items: readonly Outline[]): Outline {
  return { kind: "list", items };
}

/** A map of the keys that have a value. */
export function map(entries: Readonly<Record<string, Outline | undefined>>): Outline {
  const present = Object.entries(entries).filter((entry): entry is [string, Outline] => entry[1] !== undefined);
  return { kind: "map", entries: present.map(([key, value]) => ({ key, value })) };
}

export interface RenderedOutline {
  readonly text: string;
  /** The place that each line was imported from, by line number minus one; empty if awg decided it. */
  readonly places: readonly string[];
}

/** The tree as YAML 1.2 in block style, one value a line, so that a problem's line leads back to its place. */
export function renderOutline(root: Outline): RenderedOutline {
  const lines = linesOf(root, "");
  return { text: `${lines.map(({ text }) => text).join("\n")}\n`, places: lines.map(({ place }) => place) };
}

interface Line {
  readonly text: string;
  readonly place: string;
}

function linesOf(node: Outline, indent: string): Line[] {
  if (node.kind === "scalar") return [{ text: `${indent}${renderScalar(node.value)}`, place: node.place }];
  if (node.kind === "map") return node.entries.flatMap((entry) => entryLines(entry, indent));
  return node.items.flatMap((item) => {
    const [first, ...rest] = linesOf(item, `${indent}  `);
    return first === undefined
      ? []
      : [{ ...first, text: `${indent}- ${first.text.slice(indent.length + 2)}` }, ...rest];
  });
}

function entryLines({ key, value, comment = [] }: OutlineEntry, indent: string): Line[] {
  const place = firstPlace(value);
  const above = comment.map((text) => ({ text: `${indent}# ${text}`.trimEnd(), place: "" }));
  const head = `${indent}${renderScalar(key)}:`;
  if (value.kind === "scalar") return [...above, { text: `${head} ${renderScalar(value.value)}`, place }];
  const short = inFlow(value);
  if (short !== undefined) return [...above, { text: `${head} ${short}`, place }];
  const below = linesOf(value, `${indent}  `);
  if (below.length === 0) return [...above, { text: `${head} ${value.kind === "list" ? "[]" : "{}"}`, place }];
  return [...above, { text: head, place }, ...below];
}

/** A map with one value fits on one line. */
function inFlow(node: Outline): string | undefined {
  const [only, ...more] = node.kind === "map" ? node.entries : [];
  if (only?.value.kind !== "scalar" || more.length > 0) return undefined;
  return `{ ${only.key}: ${renderScalar(only.value.value)} }`;
}

function firstPlace(node: Outline): string {
  if (node.kind === "scalar") return node.place;
  const children = node.kind === "list" ? node.items : node.entries.map(({ value }) => value);
  for (const child of children) {
    const place = firstPlace(child);
    if (place !== "") return place;
  }
  return "";
}

/** Words that YAML 1.2 does not read as text. */
const WORDS = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i;
const PLAIN_WORD = /^[A-Za-z/][A-Za-z0-9_./+=-]*$/;
const PLAIN_IPV4 = /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+([/:][0-9]+)?$/;

/** Quotes a text unless it is plainly one; YAML reads JSON's escapes. */
function renderScalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  const isPlain = PLAIN_IPV4.test(value) || (PLAIN_WORD.test(value) && !WORDS.test(value));
  return isPlain ? value : JSON.stringify(value);
}
