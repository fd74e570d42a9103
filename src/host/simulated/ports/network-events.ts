import type { NetworkEvents } from "../../ports/network-events.ts";

/** Nobody changes a simulated machine but the process that holds it, so there is nothing to tell. */
export const simulatedNetworkEvents: NetworkEvents = {
  watch: () => ({ async [Symbol.asyncDispose]() {} }),
};
