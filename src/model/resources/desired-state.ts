import type { Resource } from "../resource.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { ProbeSpec } from "./probe.ts";

/**
 * How a tunnel is kept that stands in for another. `hot`: up, and known to be. `prewarmed`: a session without traffic.
 * `cold`: no packet before it is needed.
 */
export type StandbyMode = "hot" | "prewarmed" | "cold";

/** The modes, from the one that sends most. */
export const STANDBY_MODES = ["hot", "prewarmed", "cold"] as const satisfies readonly StandbyMode[];

/** All resources that a config requires on this host, after defaults and facts; keys are unique. */
export interface DesiredState {
  readonly resources: readonly Resource[];
  /** What a plan towards this state must not do to single resources; absent if the config says nothing. */
  readonly lifecycle?: Lifecycle;
  /** Network probes of this state; absent if the config has none. */
  readonly probes?: readonly ProbeSpec[];
  /** Tunnels of the config that `awg down` took down, sorted; absent if none is down. */
  readonly down?: readonly string[];
  /** How tunnels that stand in for others are kept, by device; absent if there is none. */
  readonly standby?: Readonly<Record<string, StandbyMode>>;
}
