import type { Config } from "../../config/config.ts";
import type { Override } from "../../model/resources/desired-state.ts";
import type { DownNote } from "./down-tunnels.ts";
import { clockTime } from "./override.ts";

/** The longest pause of a config that sets none, in seconds. */
const LONGEST_PAUSE_SECONDS = 3600;

/** The longest pause that a config allows, in seconds; 0 if it allows none. Pure. */
export function longestPauseSeconds({ killSwitch }: Pick<Config, "killSwitch">): number {
  return killSwitch.longestPause ?? LONGEST_PAUSE_SECONDS;
}

/**
 * The config while it is paused: what would use a tunnel goes direct. The tunnels stay up, and rules that block still
 * block. DNS behind a tunnel is left out, so that the host's own resolver is restored, unless rules by domain need it.
 * Pure.
 */
export function withPause(config: Config): Config {
  const { dns, ...rest } = config;
  const direct = <T extends Pick<Config["default"], "via" | "fallback">>(flow: T): T => {
    if (flow.via.kind !== "tunnel") return flow;
    // A flow with the fallback `drop` is always dropped.
    return { ...flow, via: { kind: flow.fallback.kind === "drop" ? "block" : "direct" }, fallback: { kind: "block" } };
  };
  const isDnsKept = dns !== undefined && (dns.via.kind !== "tunnel" || hasDomains(config));
  return {
    ...rest,
    rules: config.rules.map(direct),
    default: direct(config.default),
    ...(isDnsKept ? { dns } : {}),
  };
}

/** What is otherwise than the config says. Pure. */
export function pauseNotes(config: Config): readonly DownNote[] {
  const isDnsKept = config.dns?.via.kind === "tunnel" && hasDomains(config);
  const resolver = isDnsKept ? " DNS stays behind its tunnel, because rules name domains." : "";
  const message = `is paused: traffic of the tunnels goes direct, and nothing hides it.${resolver} To end it: awg up`;
  return [{ path: "killSwitch", message, isWarning: true }];
}

/** Until when a state holds. Pure but for the host's time zone. */
export function overrideNotes(override: Override | undefined): readonly DownNote[] {
  if (override === undefined) return [];
  const until = `holds until ${clockTime(override.endsMs)} or a reboot; then the daemon restores generation ${override.back}`;
  return [{ path: override.what, message: until, isWarning: true }];
}

function hasDomains({ rules }: Config): boolean {
  return rules.some(({ destinations = [] }) => destinations.some(({ kind }) => kind === "domain" || kind === "list"));
}
