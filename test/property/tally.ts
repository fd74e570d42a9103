/** Counts of what a property run met, so that a distribution can be printed and demanded. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Names that begin with the prefix. */
  names(prefix: string): readonly string[] {
    return [...this.#counts.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  print(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${String(count).padStart(8)}  ${name}`)
      .join("\n");
  }
}
