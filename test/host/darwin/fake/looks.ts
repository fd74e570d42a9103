/** In place of a timer: who looks again and again at a Mac looks when the test says so. */
export class Looks {
  readonly #due = new Set<() => void>();

  readonly every = (onDue: () => void): Disposable => {
    this.#due.add(onDue);
    return { [Symbol.dispose]: () => void this.#due.delete(onDue) };
  };

  readonly look = (): void => {
    for (const onDue of [...this.#due]) onDue();
  };
}
