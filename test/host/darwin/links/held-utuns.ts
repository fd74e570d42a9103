import type { UtunHolder } from "../../../../src/host/darwin/links/utun-holder.ts";
import type { LibSystem } from "../../../../src/native/darwin/libsystem.ts";
import { openUtun, type Utun } from "../../../../src/native/darwin/link/utun.ts";

/** A holder in the test's own process, in place of the keeper's. */
export class HeldUtuns implements UtunHolder {
  readonly #system: LibSystem;
  readonly #utuns = new Map<string, Utun>();
  readonly #stated = new Set<string>();

  constructor(system: LibSystem) {
    this.#system = system;
  }

  async held(): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#utuns].map(([device, { name }]) => [device, name]));
  }

  async stated(): Promise<ReadonlySet<string>> {
    return this.#stated;
  }

  async hold(device: string, unit?: number): Promise<string> {
    const utun = this.#utuns.get(device) ?? openUtun(this.#system, unit);
    this.#utuns.set(device, utun);
    if (unit !== undefined) this.#stated.add(device);
    return utun.name;
  }

  async release(device: string): Promise<void> {
    this.#utuns.get(device)?.[Symbol.dispose]();
    this.#utuns.delete(device);
    this.#stated.delete(device);
  }
}
