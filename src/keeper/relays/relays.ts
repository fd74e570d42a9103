import type { EnsureRelay, KeeperRelay, RelayRequest } from "../../model/keeper/keeper-relays.ts";
import type { ExtractedSecrets } from "../extract-secrets.ts";
import { findRelays, Relay, type RelayContext } from "./relay.ts";

/** The relays of one keeper, by the number of their path. */
export class Relays {
  readonly #around: Omit<RelayContext, "number">;
  readonly #relays = new Map<number, Relay>();

  constructor(around: Omit<RelayContext, "number">) {
    this.#around = around;
  }

  get states(): readonly KeeperRelay[] {
    return [...this.#relays.values()].map(({ state }) => state);
  }

  /** Watches what an earlier keeper left running. */
  adopt(): void {
    for (const { number, identity } of findRelays(this.#around.folder)) {
      this.#relays.set(number, new Relay({ ...this.#around, number }, identity));
    }
  }

  /** Starts a relay in place of the one that runs, or ends one; none is success. */
  async answer(request: RelayRequest, secrets: ExtractedSecrets): Promise<void> {
    if (request.request === "stopRelay") await this.#stop(request.number);
    else await this.#ensure(request, secrets);
  }

  async #ensure({ number, settings }: EnsureRelay, secrets: ExtractedSecrets): Promise<void> {
    const relay = this.#relays.get(number) ?? new Relay({ ...this.#around, number });
    this.#relays.set(number, relay);
    await relay.ensure(settings, secrets);
  }

  async #stop(number: number): Promise<void> {
    const relay = this.#relays.get(number);
    this.#relays.delete(number);
    await relay?.stop();
  }

  /** Ends them all. */
  async stopAll(): Promise<void> {
    for (const number of [...this.#relays.keys()]) await this.#stop(number);
  }

  /** Stops watching; the relays run on. */
  release(): void {
    for (const relay of this.#relays.values()) relay.release();
    this.#relays.clear();
  }
}
