import type { UtunHolder } from "../../../../src/host/darwin/links/utun-holder.ts";
import { openUtun, type Utun } from "../../../../src/native/darwin/link/utun.ts";
import type { FakeLibSystem } from "../fake/fake-libsystem.ts";

/** A holder in the test's own process, in place of the keeper's. */
export class HeldUtuns implements UtunHolder {
  readonly #system: FakeLibSystem;
  readonly #utuns = new Map<string, Utun>();

  constructor(system: FakeLibSystem) {
    this.#system = system;
  }

  async held(): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#utuns].map(([device, { name }]) => [device, name]));
  }

  async hold(device: string): Promise<string> {
    const utun = this.#utuns.get(device) ?? openUtun(this.#system);
    this.#utuns.set(device, utun);
    return utun.name;
  }

  async release(device: string): Promise<void> {
    this.#utuns.get(device)?.[Symbol.dispose]();
    this.#utuns.delete(device);
  }
}
