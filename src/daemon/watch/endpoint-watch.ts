import type { Planned, UnansweredEndpoints } from "../../app/plan/planned.ts";
import { backoffMs } from "../../reconciler/machine/backoff.ts";
import { endpointsOf } from "../../resources/expand.ts";
import { Attempts } from "../attempts.ts";
import type { UseCases } from "../use-cases.ts";
import { EndpointFailover } from "./endpoint-failover.ts";

const LOOK_MS = 1_000;

export interface EndpointDeps {
  /** An endpoint did not answer; a plan made now takes the next one the name has. */
  readonly wake: (reason: string) => void;
  readonly report: (report: { readonly type: "problem"; readonly text: string }) => void;
  /** Steady milliseconds. */
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Watches whether the peers that have names answer at the address that is pinned, and has another address planned when
 * they do not. The change itself is an ordinary apply: the policy lets the new address pass before the old one goes.
 */
export class EndpointWatch implements AsyncDisposable {
  readonly #useCases: Pick<UseCases, "engine" | "accepted" | "probe" | "refreshEndpoints">;
  readonly #deps: EndpointDeps;
  readonly #races = new EndpointFailover();
  readonly #attempts: Attempts;
  #ended = false;
  #waysChanged = false;
  #timer: NodeJS.Timeout | undefined;
  #resolveTimer: NodeJS.Timeout | undefined;
  /** Plans in a row that found the same names without an address. */
  #failedLookups = 0;
  #unresolved = "";
  #looking: Promise<void> = Promise.resolve();

  constructor(useCases: Pick<UseCases, "engine" | "accepted" | "probe" | "refreshEndpoints">, deps: EndpointDeps) {
    this.#useCases = useCases;
    this.#deps = deps;
    this.#attempts = new Attempts("watching the endpoints", deps.report);
    this.#later();
  }

  get unanswered(): UnansweredEndpoints {
    return this.#races.unanswered;
  }

  /** The host's addresses changed, or it woke: every address is worth another try. */
  restart(): void {
    this.#races.restart();
    this.#waysChanged = true;
  }

  /** Routes changed, perhaps those to some addresses: the next plan updates the engines. */
  noteRoutes(): void {
    this.#waysChanged = true;
  }

  /** Takes in what the names stand for; whether the plan moves a peer of the accepted state to another address. */
  async follow({ alternatives, unresolved = {}, desired }: Planned): Promise<boolean> {
    this.#resolveAgain([...new Set(Object.values(unresolved))].toSorted().join(", "));
    if (alternatives === undefined) return false;
    this.#races.follow(alternatives);
    if (this.#waysChanged && this.#races.devices.length > 0) {
      this.#waysChanged = false;
      await this.#attempts.run(() => this.#useCases.refreshEndpoints());
    }
    const [planned, accepted] = [endpointsOf(desired.resources), endpointsOf(await this.#useCases.accepted())];
    return Object.keys(alternatives).some(
      (key) => accepted[key] !== undefined && accepted[key][0] !== planned[key]?.[0],
    );
  }

  /** After peers moved: requests a handshake from the engines now, before their next retry is due. */
  async requestHandshakes(): Promise<void> {
    await this.#attempts.run(async () => {
      for (const device of this.#races.devices) await this.#useCases.probe(device);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#resolveTimer);
    await this.#looking;
  }

  /** Has another plan made for names without an address: soon at first, then ever more rarely. */
  #resolveAgain(names: string): void {
    clearTimeout(this.#resolveTimer);
    this.#failedLookups = names === this.#unresolved ? this.#failedLookups + 1 : 1;
    if (names !== "" && names !== this.#unresolved)
      this.#deps.report({ type: "problem", text: `cannot resolve ${names}; the lookup is repeated until it succeeds` });
    this.#unresolved = names;
    if (names === "" || this.#ended) return;
    const waitMs = backoffMs(this.#failedLookups, this.#deps.random());
    this.#resolveTimer = setTimeout(() => this.#deps.wake(`${names} does not resolve yet`), waitMs);
  }

  #later(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#attempts
        .run(() => this.#look())
        .finally(() => {
          if (!this.#ended) this.#later();
        });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    for (const device of this.#races.devices) {
      const observed = await this.#useCases.engine(device);
      const failed = observed === undefined ? [] : this.#races.look(observed, this.#deps.nowMs());
      for (const { endpoint } of failed) this.#deps.wake(`${device} gets no answer from ${endpoint}`);
    }
  }
}
