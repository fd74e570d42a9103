import type { MachineState, SimulatedLink } from "./machine-state.ts";
import type { RouteTables } from "./route-tables.ts";

/** The state without the routes, which are stored by table for lookups. */
export type LiveState = Omit<MachineState, "routes">;

/** The machine as routing, filtering and foreign changes see it. */
export interface LiveMachine {
  readonly live: LiveState;
  readonly routes: RouteTables;
  link(device: string): SimulatedLink | undefined;
  /** Removes a device and, like a kernel, its addresses, its routes and the program behind it. */
  dropLink(device: string): void;
}
