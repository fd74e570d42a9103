/** Callbacks of one kind. One that throws does not keep the others from being called. */
export class Subscribers<Value> {
  readonly #entries = new Set<{ readonly callback: (value: Value) => void }>();

  get size(): number {
    return this.#entries.size;
  }

  /** The same callback may be added twice; each is removed by what its own call gave. */
  add(callback: (value: Value) => void): { readonly call: (value: Value) => void; readonly remove: () => boolean } {
    const entry = { callback };
    this.#entries.add(entry);
    return {
      call: (value) => {
        if (this.#entries.has(entry)) callSafely(callback, value);
      },
      remove: () => this.#entries.delete(entry),
    };
  }

  /** Calls each, also after one that throws; one that was removed meanwhile is not called. */
  call(value: Value): void {
    for (const entry of [...this.#entries]) if (this.#entries.has(entry)) callSafely(entry.callback, value);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** An error of the caller's own code goes where uncaught errors go. */
function callSafely<Value>(callback: (value: Value) => void, value: Value): void {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
