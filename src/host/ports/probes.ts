import type { ProbeResult, ProbeSpec } from "../../model/resources/probe.ts";

/** Sends probes from this host like any of its programs: under the packet policy and by its routes. */
export interface ProbePort {
  /** Runs the probe once within its time limit. Network failures are in the result; nothing is recorded. */
  run(probe: ProbeSpec): Promise<ProbeResult>;
}
