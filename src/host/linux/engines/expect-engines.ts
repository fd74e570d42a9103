import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { KeeperClient } from "../keeper-client.ts";
import { readServiceUser } from "../service-user.ts";

/**
 * Announces to a running keeper which engines will be requested, so that it can load them in advance. Best effort:
 * without it they start on request.
 */
export async function expectEngines(
  keeper: Pick<KeeperClient, "request">,
  tunnels: readonly TunnelSpec[],
): Promise<void> {
  try {
    for (const { device, engine, protocol } of tunnels) {
      if (engine !== "embedded") continue;
      await keeper.request({ request: "expectEngine", device, engine, protocol, user: readServiceUser() });
    }
  } catch {
    return;
  }
}
