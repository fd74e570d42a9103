/** An item with a deadline. Only the queue writes both fields. */
export interface Waiting {
  dueAt: number;
  /** Position in the queue; -1 without a deadline. */
  place: number;
}

/** A binary heap of items, the earliest on top. Moving an item costs a few comparisons and no allocation. */
export class DeadlineQueue<T extends Waiting> {
  #items: T[] = [];

  /** The earliest deadline; Infinity when nothing waits. */
  get earliest(): number {
    return this.#items[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** The earliest item that is due; undefined if none is. It stays until it is moved. */
  due(now: number): T | undefined {
    const first = this.#items[0];
    return first !== undefined && first.dueAt <= now ? first : undefined;
  }

  /** Sets the item's deadline; Infinity removes it. */
  move(item: T, dueAt: number): void {
    const earlier = dueAt < item.dueAt;
    item.dueAt = dueAt;
    if (dueAt === Number.POSITIVE_INFINITY) {
      if (item.place >= 0) this.#takeOut(item);
    } else if (item.place < 0) {
      item.place = this.#items.push(item) - 1;
      this.#rise(item);
    } else if (earlier) this.#rise(item);
    else this.#sink(item);
  }

  #takeOut(item: T): void {
    const last = this.#items.pop() as T;
    const place = item.place;
    item.place = -1;
    if (last === item) return;
    this.#put(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const above = this.#items[(item.place - 1) >> 1] as T;
      if (above.dueAt <= item.dueAt) return;
      this.#swap(item, above);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const below = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left;
      if (below === undefined || below.dueAt >= item.dueAt) return;
      this.#swap(item, below);
    }
  }

  #swap(a: T, b: T): void {
    const place = a.place;
    this.#put(a, b.place);
    this.#put(b, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
