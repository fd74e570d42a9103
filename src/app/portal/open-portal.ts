import { AwgError } from "../../model/error.ts";
import type { OpenPortal } from "../../model/portal/portal.ts";
import { acceptedFor } from "../down/change-down.ts";
import { overrideFor } from "../down/override.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import type { Planned } from "../plan/planned.ts";
import { planConfig } from "../plan/planner.ts";

/** How the audit log names a change of an open login page. */
export const PORTAL_REQUEST = "portal";

/**
 * The plan that opens a login page for a time, or gives an open one its addresses. It becomes part of the accepted state;
 * the daemon or the keeper ends it in time.
 *
 * @throws AwgError("usage") if the config is not the accepted one, or a person asked for something else meanwhile
 */
export async function planOpenPortal(
  parts: HostParts,
  loaded: LoadedConfig,
  page: OpenPortal,
  forMs: number,
): Promise<Planned> {
  const { number, desired } = await acceptedFor(parts, loaded, forMs);
  const { down = [], override: before } = desired;
  if (before !== undefined && before.what !== "portal") {
    throw new AwgError("usage", `awg ${before.what} holds for a time`);
  }
  const override = { ...(before ?? overrideFor("portal", forMs, number, parts)), portal: page };
  return planConfig(parts, loaded, undefined, { standing: { down, override } });
}
