import { AwgError } from "../../model/error.ts";
import type { Override } from "../../model/resources/desired-state.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import type { Planned, Standing } from "../plan/planned.ts";
import { planConfig } from "../plan/planner.ts";
import { overrideFor } from "./override.ts";
import { longestPauseSeconds } from "./pause.ts";

/** A plan that takes tunnels down or brings them up, and the tunnels it changes. */
export interface DownChange {
  readonly planned: Planned;
  /** Empty if each is as wanted already. */
  readonly changed: readonly string[];
}

/** What `awg down` and `awg up` ask for. */
export interface DownWish {
  /** All tunnels when absent. */
  readonly tunnel?: string;
  readonly isDown: boolean;
  /** After this time the state before returns; for good when absent. */
  readonly forMs?: number;
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
  { tunnel, isDown, forMs }: DownWish,
): Promise<DownChange> {
  const latest = await acceptedFor(parts, loaded, forMs);
  const known = Object.keys(loaded.config?.tunnels ?? {});
  if (tunnel !== undefined && !known.includes(tunnel)) {
    throw new AwgError("usage", `there is no tunnel "${tunnel}"`, { remedy: `the config has ${known.join(", ")}` });
  }
  const before = latest.desired.down ?? [];
  const named = tunnel === undefined ? known : [tunnel];
  const changed = named.filter((name) => before.includes(name) !== isDown);
  const down = isDown ? [...before, ...changed] : before.filter((name) => !changed.includes(name));
  const override = forMs === undefined ? {} : overrideOf(parts, latest, isDown ? "down" : "up", forMs);
  return { planned: await planConfig(parts, loaded, undefined, { standing: { down, ...override } }), changed };
}

/**
 * Plans the accepted config with everything that its tunnels carry going direct, for a time.
 *
 * @throws AwgError("usage") for a time that the config does not allow
 */
export async function planPause(parts: HostParts, loaded: LoadedConfig, forMs: number): Promise<Planned> {
  const latest = await acceptedFor(parts, loaded, forMs);
  const longest = loaded.config === undefined ? 0 : longestPauseSeconds(loaded.config);
  if (longest === 0) {
    throw new AwgError("usage", "this config allows no pause: killSwitch.longestPause is 0", {
      remedy: "change that key and apply it first",
    });
  }
  if (forMs > longest * 1000) {
    throw new AwgError("usage", `a pause of ${forMs / 1000} s is longer than this config allows`, {
      remedy: `ask for at most ${longest} s, or change killSwitch.longestPause`,
    });
  }
  const { down = [] } = latest.desired;
  return planConfig(parts, loaded, undefined, { standing: { down, ...overrideOf(parts, latest, "pause", forMs) } });
}

/** An override of an override ends where the first would have ended. */
function overrideOf(
  parts: HostParts,
  { number, desired }: Generation,
  what: Override["what"],
  forMs: number,
): Pick<Standing, "override"> {
  return { override: overrideFor(what, forMs, desired.override?.back ?? number, parts) };
}

/** The accepted generation, if it is of this config; for a time only beside a daemon, which ends it. */
export async function acceptedFor(
  parts: HostParts,
  { hash }: LoadedConfig,
  forMs: number | undefined,
): Promise<Generation> {
  parts.requireRights?.();
  const latest = await parts.stores.generations.latest();
  if (latest === undefined || latest.configHash !== hash) {
    const isNothing = latest === undefined || latest.desired.resources.length === 0;
    throw new AwgError("usage", isNothing ? "nothing is applied" : "this config is not the applied one", {
      remedy: isNothing ? "run awg apply" : "name the applied config with -f, or run awg apply first",
    });
  }
  if (forMs === 0) throw new AwgError("usage", "--for 0 is no time", { remedy: "write 30s, 10m or 1h" });
  if (forMs !== undefined && (await parts.daemon?.read()) === undefined) {
    throw new AwgError("unreachable", "no daemon runs on this host, which would end this in time", {
      remedy: "start it: systemctl start awg, or awg daemon; nothing was changed",
    });
  }
  return latest;
}

/** Makes the running daemon look, so that it learns of an override at once: that it was accepted is no event. */
export async function wakeDaemon({ daemon }: Pick<HostParts, "daemon">): Promise<void> {
  const pid = (await daemon?.read())?.pid;
  if (pid !== undefined) process.kill(pid, "SIGHUP");
}
