import type { Config } from "../config.ts";
import type { ConfigSource } from "../config-hash.ts";
import type { LoadOptions } from "../load-options.ts";
import type { ProblemId } from "../problem-catalogue.ts";
import { knownKeysAt, spellingOf } from "../schema-keys.ts";
import type { Findings } from "../source/finding.ts";
import {
  childOf,
  keyPlace,
  type MapNode,
  type NodePath,
  nodeAt,
  type Place,
  valuePlace,
} from "../source/source-node.ts";

export interface CheckInput {
  readonly config: Config;
  /** The tree that `config` was read from: a path in one is a path in the other. */
  readonly written: MapNode;
  /** The tree before invalid values were removed. */
  readonly root: MapNode;
  readonly sources: readonly ConfigSource[];
  readonly options: LoadOptions;
  readonly findings: Findings;
}

/** What a check sees, and where it reports. */
export class CheckContext {
  readonly config: Config;
  readonly root: MapNode;
  readonly sources: readonly ConfigSource[];
  readonly options: LoadOptions;
  readonly #written: MapNode;
  readonly #findings: Findings;

  constructor(input: CheckInput) {
    this.config = input.config;
    this.root = input.root;
    this.sources = input.sources;
    this.options = input.options;
    this.#written = input.written;
    this.#findings = input.findings;
  }

  /** Reports a problem with the value at a path of the config. */
  report(id: ProblemId, path: NodePath, message: string, remedy: string): void {
    this.#findings.add(id, this.placeOf(path), message, remedy);
  }

  /** Reports a problem with a key, or with a whole object that its key points at. */
  reportKey(id: ProblemId, path: NodePath, message: string, remedy: string): void {
    this.#findings.add(id, keyPlace(this.#written, path), message, remedy);
  }

  /** Reports a problem at a place of a source. */
  reportPlace(id: ProblemId, place: Place, message: string, remedy: string): void {
    this.#findings.add(id, place, message, remedy);
  }

  /** Masks the value at a path in every excerpt: it may be a secret. */
  hide(path: NodePath): void {
    this.#findings.hide(this.placeOf(path));
  }

  /** The place of the value in the files as they were written. */
  placeOf(path: NodePath): Place {
    return valuePlace(this.#written, path);
  }

  /** Whether the path has a value and nothing in it was removed, so that a missing key is really missing. */
  isUntouched(path: NodePath): boolean {
    const node = nodeAt(this.#written, path);
    return node !== undefined && (node.kind === "scalar" || node.origin === undefined);
  }

  /** Whether the map at a path has a key in any spelling: then its absence is no second problem. */
  mentions(path: NodePath, key: string): boolean {
    const node = nodeAt(this.#written, path);
    if (node?.kind !== "map") return false;
    const { entries } = node.origin ?? node;
    return entries.has(key) || spellingOf(key, [...entries.keys()], knownKeysAt(path, this.root)) !== undefined;
  }

  /** Whether the value of a key is the one that was written, or its default because nothing was. */
  isCertain(path: NodePath, key: string): boolean {
    return this.isUntouched([...path, key]) || !this.mentions(path, key);
  }

  /** Names of all tunnels, including invalid ones. */
  get tunnelNames(): readonly string[] {
    const tunnels = childOf(this.root, "tunnels");
    return tunnels?.kind === "map" ? [...tunnels.entries.keys()] : [];
  }
}
