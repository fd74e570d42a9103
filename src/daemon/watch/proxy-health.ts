import type { RelayState } from "../../model/relay/proxy.ts";
import type { TunnelHealth } from "./choose-switches.ts";

/** So long a relay may not answer: the keeper starts a dead one again sooner. */
const SILENT_MS = 3_000;
/** So long a proxy that failed must answer before it carries traffic again; each further failure doubles it. */
const STABLE_MS = 60_000;
const MOST_DOUBLINGS = 4;

/** The health of one proxy by its relay's reports, in the terms of tunnels. */
export class ProxyHealth {
  #failures = 0;
  /** Since when it answers; undefined while it does not. */
  #upSinceMs: number | undefined;
  #downSinceMs: number | undefined;
  /** When its relay was last heard. */
  #heardMs: number | undefined;

  /** Takes a report; undefined if the relay does not answer. `nowMs` is steady. */
  look(relay: Pick<RelayState, "state"> | undefined, nowMs: number): void {
    if (relay !== undefined) this.#heardMs = nowMs;
    this.#heardMs ??= nowMs;
    const isLost = relay === undefined && nowMs - this.#heardMs >= SILENT_MS;
    if (relay?.state === "up") {
      this.#upSinceMs ??= nowMs;
      this.#downSinceMs = undefined;
    } else if (relay?.state === "down" || isLost) {
      if (this.#downSinceMs === undefined) this.#failures += 1;
      this.#downSinceMs ??= nowMs;
      this.#upSinceMs = undefined;
    }
  }

  /** What the choice of switches needs. */
  at(nowMs: number): TunnelHealth {
    const isAlive = this.#upSinceMs !== undefined;
    const stableMs = STABLE_MS * 2 ** Math.min(this.#failures - 1, MOST_DOUBLINGS);
    return {
      isDown: this.#downSinceMs !== undefined,
      isAlive,
      isTrusted: isAlive && (this.#failures === 0 || nowMs - (this.#upSinceMs ?? nowMs) >= stableMs),
      downForMs: nowMs - (this.#downSinceMs ?? nowMs),
    };
  }
}
