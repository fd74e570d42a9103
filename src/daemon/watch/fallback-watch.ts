import {
  type DeviceSwitch,
  DIRECT,
  type FallbackTunnel,
  fallbackTunnels,
  usedSwitches,
} from "../../app/apply/fallback.ts";
import { FALLBACK_LIFETIME_MS } from "../../model/ownership.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { EngineSilence } from "../../model/resources/tunnel.ts";
import { Attempts } from "../attempts.ts";
import type { UseCases } from "../use-cases.ts";
import { chooseSwitches } from "./choose-switches.ts";
import { ProxyHealth } from "./proxy-health.ts";
import { QUICK, TunnelState } from "./tunnel-state.ts";

const LOOK_MS = 1_000;
/** So long the loop has to put another engine in the place of one that does not answer. */
const REPLACE_MS = 5_000;
/** Twice it may fail before it expires. */
const RENEW_MS = FALLBACK_LIFETIME_MS / 3;
/** How often a tunnel on standby proves that its peer answers. A session is renewed after 120 s (REKEY_AFTER_TIME). */
const PROOF_EVERY_MS = { hot: 10_000, prewarmed: 120_000, cold: undefined } as const;

/** The watch's reports; plain data, a view prints it. */
export type FallbackReport =
  | { readonly type: "fallback"; readonly devices: readonly string[]; readonly switches: readonly ReportedSwitch[] }
  | { readonly type: "problem"; readonly text: string };

/** Where the traffic of a tunnel goes that is down; `by` is null if it goes direct. */
export interface ReportedSwitch {
  readonly device: string;
  readonly by: string | null;
}

type Used = Pick<UseCases, "acceptedState" | "engine" | "fallBack" | "probe" | "relays">;

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
 * Watches the tunnels that take part in fallbacks, and keeps other paths in force for those that are down. When it ends
 * it takes them back; when it dies the kernel does.
 */
export class FallbackWatch implements AsyncDisposable {
  readonly #useCases: Used;
  readonly #deps: FallbackDeps;
  readonly #states = new Map<string, TunnelState>();
  readonly #proxies = new Map<string, ProxyHealth>();
  /** When each device's silent engine was first reported to the loop, in steady milliseconds. */
  readonly #silent = new Map<string, number>();
  /** The fallback in force expires while looks fail. */
  readonly #attempts: Attempts;
  #tunnels: readonly FallbackTunnel[] | undefined;
  #accepted: DesiredState = { resources: [] };
  #inForce: readonly DeviceSwitch[] | undefined;
  #reported: readonly DeviceSwitch[] = [];
  /** Tunnels that do not carry their own traffic now. */
  #away: readonly string[] = [];
  #renewAtMs = 0;
  #rereadAtMs = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(useCases: Used, deps: FallbackDeps) {
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
    if (this.#tunnels === undefined) {
      this.#accepted = await this.#useCases.acceptedState();
      this.#tunnels = fallbackTunnels(this.#accepted);
    }
    for (const device of this.#states.keys())
      if (!this.#tunnels.some(({ spec }) => spec.device === device)) this.#states.delete(device);
    await this.#lookAtProxies(this.#tunnels);
    for (const tunnel of this.#tunnels) await this.#lookAt(tunnel);
    const { away, switches } = chooseSwitches(this.#tunnels, (device) => this.#healthOf(device), this.#away);
    this.#away = away;
    // At the first look this also ends what an earlier daemon left in force.
    const isOther = this.#inForce === undefined || namesOf(switches) !== namesOf(this.#inForce);
    const isDue = switches.length > 0 && this.#deps.nowMs() >= this.#renewAtMs;
    if (!isOther && !isDue && !isStale) return;
    if (this.#tunnels.length > 0) await this.#useCases.fallBack(switches, isDue);
    if (isOther || isDue) this.#renewAtMs = this.#deps.nowMs() + RENEW_MS;
    this.#inForce = switches;
    const used = usedSwitches(this.#accepted, switches);
    if (namesOf(used) !== namesOf(this.#reported)) this.#deps.report(reportOf(used));
    this.#reported = used;
  }

  #healthOf(device: string) {
    const proxy = this.#proxies.get(device);
    if (proxy !== undefined) return proxy.at(this.#deps.nowMs());
    const state = this.#states.get(device);
    if (state === undefined) return undefined;
    const { isDown, isAlive, isTrusted } = state;
    return { isDown, isAlive, isTrusted, downForMs: state.downForMs(this.#deps.nowMs()) };
  }

  async #lookAtProxies(tunnels: readonly FallbackTunnel[]): Promise<void> {
    const specs = tunnels.flatMap(({ spec }) => ("relay" in spec ? [spec] : []));
    for (const device of this.#proxies.keys())
      if (!specs.some((spec) => spec.device === device)) this.#proxies.delete(device);
    const found = specs.length === 0 ? [] : await this.#useCases.relays();
    for (const { device, relay: number } of specs) {
      const health = this.#proxies.get(device) ?? new ProxyHealth();
      this.#proxies.set(device, health);
      health.look(found.find((one) => one.number === number)?.relay, this.#deps.nowMs());
    }
  }

  async #lookAt(tunnel: FallbackTunnel): Promise<void> {
    const { spec, standby } = tunnel;
    if ("relay" in spec) return;
    if (!this.#isNeeded(tunnel)) {
      this.#states.delete(spec.device);
      return;
    }
    const state = this.#states.get(spec.device) ?? new TunnelState(this.#deps.random);
    this.#states.set(spec.device, state);
    const engine = await this.#useCases.engine(spec.device);
    if (this.#isToBeReplaced(spec.device, engine?.silence)) return;
    // Handshakes in the middle of a session can be asked for of awg's own engine only.
    const isQuick = spec.engine === "embedded" && takesPartInFailover(tunnel);
    const proofEveryMs = standby === undefined ? undefined : PROOF_EVERY_MS[standby];
    const { probe, resolve } = state.look(engine, spec, this.#deps.nowMs(), {
      ...(isQuick ? { timing: QUICK } : {}),
      ...(isQuick && proofEveryMs !== undefined ? { proofEveryMs } : {}),
    });
    if (resolve) this.#deps.wake(`${spec.device} is down`);
    if (probe && engine?.running === true) await this.#useCases.probe(spec.device, isQuick);
  }

  /** Nothing is sent by a cold tunnel before one is down that it stands in for. */
  #isNeeded({ spec: { device }, alternatives, standby }: FallbackTunnel): boolean {
    if (alternatives.length > 0 || standby !== "cold") return true;
    const others = this.#tunnels?.filter((other) => other.alternatives.includes(device)) ?? [];
    return others.some(({ spec }) => this.#healthOf(spec.device)?.isDown === true || this.#away.includes(spec.device));
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

function takesPartInFailover({ alternatives, standsIn }: FallbackTunnel): boolean {
  return standsIn || alternatives.some((one) => one !== DIRECT);
}

function namesOf(switches: readonly DeviceSwitch[]): string {
  return switches.map(({ device, to }) => `${device}>${to}`).join();
}

/** Of several switches of one tunnel the first is used by most rules. */
function reportOf(switches: readonly DeviceSwitch[]): FallbackReport {
  return {
    type: "fallback",
    devices: [...new Set(switches.map(({ device }) => device))],
    switches: switches.map(({ device, to }) => ({ device, by: to === DIRECT ? null : to })),
  };
}
