import type { NetworkEvents } from "../../ports/network-events.ts";
import type { SimulatedMachine } from "../machine.ts";

/** Changes of the simulated host by others; awg's own writes emit no events. */
export function simulatedNetworkEvents(machine: SimulatedMachine): NetworkEvents {
  return { watch: (onEvent) => machine.events.watch(onEvent) };
}
