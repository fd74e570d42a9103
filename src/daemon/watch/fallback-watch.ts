import { type FallbackTunnel, fallbackTunnels } from "../../app/apply/fallback.ts";
import { FALLBACK_LIFETIME_MS } from "../../model/ownership.ts";
import type { EngineSilence } from "../../model/resources/tunnel.ts";
import { Attempts } from "../attempts.ts";
import type { UseCases } from "../use-cases.ts";
import { TunnelState } from "./tunnel-state.ts";

const LOOK_MS = 1_000;
/** So long the loop has to put another engine in the place of one that does not answer. */
const REPLACE_MS = 5_000;
/** Twice it may fail before it expires. */
const RENEW_MS = FALLBACK_LIFETIME_MS / 3;

/** The watch's reports; plain data, a view prints it. */
export type FallbackReport =
  | { readonly type: "fallback"; readonly devices: readonly string[] }
  | { readonly type: "problem"; readonly text: string };

export interface FallbackDeps {
  readonly report: (report: FallbackReport) => void;
  /** Steady milliseconds. */
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Names should be looked up again. */
  readonly wake: (reason: string) => void;
}

/**
 * Watches the tunnels that something falls back from, and keeps their fallback in force while they are down. When it ends
 * it takes the fallback back; when it dies the kernel does.
 */
export class FallbackWatch implements AsyncDisposable {
  readonly #useCases: Pick<UseCases, "accepted" | "engine" | "fallBack" | "probe">;
  readonly #deps: FallbackDeps;
  readonly #states = new Map<string, TunnelState>();
  /** When each device's silent engine was first reported to the loop, in steady milliseconds. */
  readonly #silent = new Map<string, number>();
  /** The fallback in force expires while looks fail. */
  readonly #attempts: Attempts;
  #tunnels: readonly FallbackTunnel[] | undefined;
  #inForce: readonly FallbackTunnel[] | undefined;
  #renewAtMs = 0;
  #rereadAtMs = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(useCases: Pick<UseCases, "accepted" | "engine" | "fallBack" | "probe">, deps: FallbackDeps) {
    this.#useCases = useCases;
    this.#deps = deps;
    this.#attempts = new Attempts("watching the tunnels", deps.report);
    this.#later(0);
  }

  /** The accepted state may have changed, or another program changed the host. */
  refresh(): void {
    this.#tunnels = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#looking;
    if ((this.#inForce?.length ?? 0) > 0) await this.#attempts.run(() => this.#useCases.fallBack([], false));
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#attempts
        .run(() => this.#look())
        .finally(() => {
          if (!this.#ended) this.#later(LOOK_MS);
        });
    }, ms);
  }

  async #look(): Promise<void> {
    // An apply beside the daemon sends it no event.
    const isStale = this.#tunnels === undefined || this.#deps.nowMs() >= this.#rereadAtMs;
    if (isStale) this.#rereadAtMs = this.#deps.nowMs() + RENEW_MS;
    if (isStale) this.#tunnels = undefined;
    this.#tunnels ??= fallbackTunnels({ resources: await this.#useCases.accepted() });
    for (const device of this.#states.keys())
      if (!this.#tunnels.some(({ spec }) => spec.device === device)) this.#states.delete(device);
    for (const tunnel of this.#tunnels) await this.#lookAt(tunnel);
    const down = this.#tunnels.filter(({ spec }) => this.#states.get(spec.device)?.isDown === true);
    // At the first look this also ends what an earlier daemon left in force.
    const isOther = this.#inForce === undefined || namesOf(down) !== namesOf(this.#inForce);
    const isDue = down.length > 0 && this.#deps.nowMs() >= this.#renewAtMs;
    if (!isOther && !isDue && !isStale) return;
    if (this.#tunnels.length > 0)
      await this.#useCases.fallBack(
        down.map(({ spec }) => spec.device),
        isDue,
      );
    if (isOther || isDue) this.#renewAtMs = this.#deps.nowMs() + RENEW_MS;
    const isReported = namesOf(down) === namesOf(this.#inForce ?? []);
    this.#inForce = down;
    if (!isReported) this.#deps.report({ type: "fallback", devices: down.map(({ spec }) => spec.device) });
  }

  async #lookAt({ spec }: FallbackTunnel): Promise<void> {
    const state = this.#states.get(spec.device) ?? new TunnelState(this.#deps.random);
    this.#states.set(spec.device, state);
    const engine = await this.#useCases.engine(spec.device);
    if (this.#isToBeReplaced(spec.device, engine?.silence)) return;
    const { probe, resolve } = state.look(engine, spec, this.#deps.nowMs());
    if (resolve) this.#deps.wake(`${spec.device} is down`);
    if (probe && engine?.running === true) await this.#useCases.probe(spec.device);
  }

  /** Reports to the loop, which starts another engine before traffic has to go directly. */
  #isToBeReplaced(device: string, silence: EngineSilence | undefined): boolean {
    if (silence === undefined) {
      this.#silent.delete(device);
      return false;
    }
    const silentSinceMs = this.#silent.get(device) ?? this.#deps.nowMs();
    if (!this.#silent.has(device)) this.#deps.wake(`${device}: ${silence.text}`);
    this.#silent.set(device, silentSinceMs);
    return this.#deps.nowMs() - silentSinceMs < REPLACE_MS;
  }
}

function namesOf(tunnels: readonly FallbackTunnel[]): string {
  return tunnels.map(({ spec }) => spec.device).join();
}
