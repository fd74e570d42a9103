import type { Resource } from "../resource.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { ProbeSpec } from "./probe.ts";

/** All resources that a config requires on this host, after defaults and facts; keys are unique. */
export interface DesiredState {
  readonly resources: readonly Resource[];
  /** What a plan towards this state must not do to single resources; absent if the config says nothing. */
  readonly lifecycle?: Lifecycle;
  /** Network probes of this state; absent if the config has none. */
  readonly probes?: readonly ProbeSpec[];
  /** Tunnels of the config that `awg down` took down, sorted; absent if none is down. */
  readonly down?: readonly string[];
}
