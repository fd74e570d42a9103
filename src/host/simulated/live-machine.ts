import type { MachineState, SimulatedLink } from "./machine-state.ts";
import type { RouteTables } from "./route-tables.ts";

/** Everything of the machine's state but the routes, which are kept by table for look-ups. */
export type LiveState = Omit<MachineState, "routes">;

/** The machine as those see it who route, filter and meddle: its state, and how a device goes. */
export interface LiveMachine {
  readonly live: LiveState;
  readonly routes: RouteTables;
  link(device: string): SimulatedLink | undefined;
  /** Takes a device away with what a kernel takes along: its addresses, its routes, the program behind it. */
  dropLink(device: string): void;
}
