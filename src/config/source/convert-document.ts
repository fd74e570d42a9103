import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";
import type { Findings } from "./finding.ts";
import { MAX_ALIASES, MAX_VALUES } from "./limits.ts";
import type { MapEntry, MapNode, Place, SourceNode } from "./source-node.ts";

/** Keys through which JavaScript code reaches prototypes. */
const PROTOTYPE_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];

/** Turns a composed document into placed values. `undefined` when it is not a map or goes beyond a limit. */
export function convertDocument(
  source: number,
  text: string,
  document: Document.Parsed,
  findings: Findings,
): MapNode | undefined {
  const converter = new Converter(source, text, findings);
  const root = converter.convert(document.contents as Node | null);
  if (converter.isOverLimit) return undefined;
  if (root.kind === "map") return root;
  findings.add("wrong-type", root.place, "the file is not a map of keys", "begin it with apiVersion: awg/v1");
  return undefined;
}

class Converter {
  isOverLimit = false;
  readonly #source: number;
  readonly #text: string;
  readonly #findings: Findings;
  readonly #anchors = new Map<string, { node: SourceNode; values: number }>();
  readonly #openAnchors = new Set<string>();
  #aliases = 0;
  #values = 0;

  constructor(source: number, text: string, findings: Findings) {
    this.#source = source;
    this.#text = text;
    this.#findings = findings;
  }

  convert(node: Node | null): SourceNode {
    if (this.isOverLimit) return refused(this.#placeOf(node));
    const place = this.#placeOf(node);
    if (node === null) return { kind: "scalar", place, value: null };
    if (isAlias(node)) return this.#resolveAlias(node.source, place);
    if (node.tag !== undefined) {
      const start = Math.max(this.#text.lastIndexOf("!", place.start), 0);
      this.#findings.add(
        "yaml-tag",
        { ...place, start },
        "the value carries a YAML tag",
        "remove the word that begins with !",
      );
    }
    const anchor = (node as { anchor?: string }).anchor;
    const before = this.#values;
    if (anchor !== undefined) this.#openAnchors.add(anchor);
    const converted = this.#convertPlain(node, place);
    if (anchor !== undefined) {
      this.#openAnchors.delete(anchor);
      this.#anchors.set(anchor, { node: converted, values: this.#values - before });
    }
    return converted;
  }

  #convertPlain(node: Node, place: Place): SourceNode {
    this.#count(1, place);
    if (isMap(node)) return this.#convertMap(node.items as Pair<Node, Node | null>[], place);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as Node | null));
      return { kind: "list", place, items };
    }
    if (!isScalar(node)) return refused(place);
    const value = node.value;
    if (typeof value === "number") return this.#convertNumber(value, node.source ?? String(value), place);
    const isPlain = value === null || typeof value === "string" || typeof value === "boolean";
    return { kind: "scalar", place, value: isPlain ? value : String(value) };
  }

  #convertNumber(value: number, text: string, place: Place): SourceNode {
    if (/^[-+]?0[0-9]/.test(text)) {
      const remedy = `use ${Number(value)}, or put it in quotes`;
      this.#findings.add("number-leading-zero", place, "a number begins with a zero", remedy);
      return refused(place);
    }
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
      return { kind: "scalar", place, value };
    const [message, remedy] = Number.isNaN(value)
      ? [`YAML reads ${text} as "not a number"`, "use a number"]
      : ["the number is too large to be exact", "use a smaller number"];
    this.#findings.add("number-not-finite", place, message, remedy);
    return refused(place);
  }

  #convertMap(pairs: readonly Pair<Node, Node | null>[], place: Place): SourceNode {
    const entries = new Map<string, MapEntry>();
    for (const pair of pairs) {
      const keyPlace = this.#placeOf(pair.key);
      const key = this.#readKey(pair.key, keyPlace);
      const value = this.convert(pair.value);
      if (key === undefined) {
        this.#findings.hide(isScalar(pair.key) ? value.place : { ...keyPlace, end: value.place.end });
      } else if (entries.has(key)) {
        this.#findings.hide(value.place);
        this.#findings.add(
          "yaml-duplicate-key",
          keyPlace,
          `duplicate key ${JSON.stringify(key)}`,
          "remove one of the two",
        );
      } else entries.set(key, { key: keyPlace, value: pair.value === null ? { ...value, place: keyPlace } : value });
    }
    return { kind: "map", place, entries };
  }

  #readKey(node: Node | null, place: Place): string | undefined {
    if (!isScalar(node) || node.value === null) {
      const isStar = isAlias(node);
      const message = isStar ? "an unquoted * begins an alias in YAML" : "the key is not a string";
      this.#findings.add(isStar ? "yaml-unquoted-star" : "yaml-key-not-text", place, message, "put the key in quotes");
      return undefined;
    }
    const key = typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    if (PROTOTYPE_KEYS.includes(key)) {
      this.#findings.add(
        "prototype-key",
        place,
        `the key ${JSON.stringify(key)} is reserved by JavaScript`,
        "use another name",
      );
      return undefined;
    }
    if (key !== "<<") return key;
    this.#findings.add(
      "yaml-merge-key",
      place,
      "the merge key << is not part of YAML 1.2",
      "repeat the keys, or use include",
    );
    return undefined;
  }

  #resolveAlias(name: string, place: Place): SourceNode {
    this.#aliases += 1;
    if (this.#aliases > MAX_ALIASES) {
      this.isOverLimit = true;
      this.#findings.add(
        "yaml-alias-too-many",
        place,
        `the file has more than ${MAX_ALIASES} aliases`,
        "repeat the values instead",
      );
      return refused(place);
    }
    if (this.#openAnchors.has(name)) {
      this.#findings.add(
        "yaml-alias-cycle",
        place,
        "the alias is inside the value it names",
        "repeat the value instead",
      );
      return refused(place);
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      const remedy = `put it in quotes: ${JSON.stringify(`*${name}`)}`;
      this.#findings.add(
        "yaml-unquoted-star",
        place,
        "an unquoted * begins an alias in YAML, and nothing has this name",
        remedy,
      );
      return refused(place);
    }
    this.#count(target.values, place);
    return { ...target.node, place };
  }

  #count(values: number, place: Place): void {
    this.#values += values;
    if (this.#values <= MAX_VALUES || this.isOverLimit) return;
    this.isOverLimit = true;
    this.#findings.add(
      "yaml-too-many-values",
      place,
      `the file has more than ${MAX_VALUES} values, aliases included`,
      "remove aliases, or split the file",
    );
  }

  #placeOf(node: Node | null): Place {
    const [start, end] = node?.range ?? [0, 0];
    return { source: this.#source, start, end };
  }
}

/** Holds the place of a value that was refused; its finding is already there. */
function refused(place: Place): SourceNode {
  return { kind: "scalar", place, value: null, isRefused: true };
}
