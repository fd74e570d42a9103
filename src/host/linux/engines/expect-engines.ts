import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { KeeperClient } from "../keeper-client.ts";
import { readServiceUser } from "../service-user.ts";

/**
 * Tells a keeper that runs which engines it will be asked for, so that they load meanwhile. Nothing depends on it: where it
 * fails, or the keeper is of an earlier version, they are started when they are needed.
 */
export function expectEngines(keeper: Pick<KeeperClient, "request">, tunnels: readonly TunnelSpec[]): void {
  try {
    for (const { device, engine, protocol } of tunnels) {
      if (engine !== "embedded") continue;
      keeper.request({ request: "expectEngine", device, engine, protocol, user: readServiceUser() });
    }
  } catch {
    return;
  }
}
