import type { OpenPortal, PortalPolicy } from "../portal/portal.ts";
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

/** What holds for a limited time: tunnels down, tunnels up, all of them passed by, or an open login page. */
export const OVERRIDES = ["down", "up", "pause", "portal"] as const;

/** A state that holds until a time or a reboot, whichever comes first. */
export interface Override {
  readonly what: (typeof OVERRIDES)[number];
  /** Its end in milliseconds since the epoch, for people. */
  readonly endsMs: number;
  /** The same in milliseconds since that boot, which no change of the clock moves. */
  readonly endsBootMs: number;
  readonly bootId: string;
  /** The generation that holds again afterwards. */
  readonly back: number;
  /** Of an open login page. */
  readonly portal?: OpenPortal;
}

/** All resources that a config requires on this host, after defaults and facts; keys are unique. */
export interface DesiredState {
  readonly resources: readonly Resource[];
  /** What a plan towards this state must not do to single resources; absent if the config says nothing. */
  readonly lifecycle?: Lifecycle;
  /** Network probes of this state; absent if the config has none. */
  readonly probes?: readonly ProbeSpec[];
  /** Tunnels of the config that `awg down` took down, sorted; absent if none is down. */
  readonly down?: readonly string[];
  /** What goes direct only because of that or a pause: "rules/2 (browser)", "default"; absent if nothing does. */
  readonly directForNow?: readonly string[];
  /** How a network with a login page is found and treated; absent if it is not. */
  readonly portal?: PortalPolicy;
  /** Present while this state holds for a limited time. */
  readonly override?: Override;
  /** How tunnels that stand in for others are kept, by device; absent if there is none. */
  readonly standby?: Readonly<Record<string, StandbyMode>>;
}
