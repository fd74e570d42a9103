/** Something that wants to be looked at when its time has come. The queue writes both fields, nobody else does. */
export interface Waiting {
  dueAt: number;
  /** Where it stands in the queue; -1 when it waits for nothing. */
  place: number;
}

/** A binary heap of what waits, the earliest on top. Moving an item costs a few comparisons and no allocation. */
export class DeadlineQueue<T extends Waiting> {
  #items: T[] = [];

  /** The earliest deadline; Infinity when nothing waits. */
  get earliest(): number {
    return this.#items[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** The item whose deadline has come and is the earliest; undefined when none has. It stays until it is moved. */
  due(now: number): T | undefined {
    const first = this.#items[0];
    return first !== undefined && first.dueAt <= now ? first : undefined;
  }

  /** Gives the item this deadline; Infinity takes it out. */
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
