import type { NetworkEvents } from "../../ports/network-events.ts";
import type { SimulatedMachine } from "../machine.ts";

/** What others do to the simulated machine, as its events tell it; awg's own writes make none. */
export function simulatedNetworkEvents(machine: SimulatedMachine): NetworkEvents {
  return { watch: (onEvent) => machine.events.watch(onEvent) };
}
