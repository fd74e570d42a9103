/**
 * Changes of a map that are not made yet: reads here see them, `commit` makes them. It costs what changes; the map is
 * not copied, and stays as it is if the draft is dropped.
 */
export class MapDraft<K, V> {
  readonly #base: Map<K, V>;
  /** Undefined: removed. */
  readonly #changes = new Map<K, V | undefined>();
  #isCleared = false;

  constructor(base: Map<K, V>) {
    this.#base = base;
  }

  /** The value with the changes; undefined if there is none. */
  get(key: K): V | undefined {
    if (this.#changes.has(key)) return this.#changes.get(key);
    return this.#isCleared ? undefined : this.#base.get(key);
  }

  set(key: K, value: V): void {
    this.#changes.set(key, value);
  }

  delete(key: K): void {
    this.#changes.set(key, undefined);
  }

  /** Removes all entries. */
  clear(): void {
    this.#isCleared = true;
    this.#changes.clear();
  }

  /** The values with the changes; the changed ones last. */
  *values(): Generator<V> {
    if (!this.#isCleared) for (const [key, value] of this.#base) if (!this.#changes.has(key)) yield value;
    for (const value of this.#changes.values()) if (value !== undefined) yield value;
  }

  /** The keys that may have another value than in the map. */
  *changedKeys(): Generator<K> {
    if (this.#isCleared) for (const key of this.#base.keys()) if (!this.#changes.has(key)) yield key;
    yield* this.#changes.keys();
  }

  /** Makes the changes in the map. The draft must not be used afterwards. */
  commit(): void {
    if (this.#isCleared) this.#base.clear();
    for (const [key, value] of this.#changes) {
      if (value === undefined) this.#base.delete(key);
      else this.#base.set(key, value);
    }
  }
}
