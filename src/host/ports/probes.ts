import type { ProbeResult, ProbeSpec } from "../../model/resources/probe.ts";

/** Asks the network from this machine, as any of its programs would: under the packet policy, by its routes. */
export interface ProbePort {
  /** Runs the probe once, within its time. What the network does is in the result; nothing is written anywhere. */
  run(probe: ProbeSpec): Promise<ProbeResult>;
}
