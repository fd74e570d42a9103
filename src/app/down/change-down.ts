import { AwgError } from "../../model/error.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import type { Planned } from "../plan/planned.ts";
import { planConfig } from "../plan/planner.ts";

/** A plan that takes tunnels down or brings them up, and the tunnels it changes. */
export interface DownChange {
  readonly planned: Planned;
  /** Empty if each is as wanted already. */
  readonly changed: readonly string[];
}

/**
 * Plans the accepted config with one tunnel, or all, taken down or brought up. The tunnels that are down are part of
 * the accepted state: an apply of the same config, a repair and the daemon keep them down, and a rollback or destroy
 * ends it.
 *
 * @throws AwgError("usage") if the config is not the accepted one, or has no such tunnel
 */
export async function planDownChange(
  parts: HostParts,
  loaded: LoadedConfig,
  { tunnel, isDown }: { readonly tunnel?: string; readonly isDown: boolean },
): Promise<DownChange> {
  parts.requireRights?.();
  const latest = await parts.stores.generations.latest();
  if (latest === undefined || latest.configHash !== loaded.hash) {
    const isNothing = latest === undefined || latest.desired.resources.length === 0;
    throw new AwgError("usage", isNothing ? "nothing is applied" : "this config is not the applied one", {
      remedy: isNothing ? "run awg apply" : "name the applied config with -f, or run awg apply first",
    });
  }
  const known = Object.keys(loaded.config?.tunnels ?? {});
  if (tunnel !== undefined && !known.includes(tunnel)) {
    throw new AwgError("usage", `there is no tunnel "${tunnel}"`, { remedy: `the config has ${known.join(", ")}` });
  }
  const before = latest.desired.down ?? [];
  const named = tunnel === undefined ? known : [tunnel];
  const changed = named.filter((name) => before.includes(name) !== isDown);
  const down = isDown ? [...before, ...changed] : before.filter((name) => !changed.includes(name));
  return { planned: await planConfig(parts, loaded, undefined, { down }), changed };
}
