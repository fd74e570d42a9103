import { type DeviceSwitch, DIRECT, type FallbackTunnel } from "../../app/apply/fallback.ts";

/** So long a tunnel must be down before its traffic goes directly: nothing hurries into the open. */
const DIRECT_AFTER_MS = 15_000;

/** What is known of one tunnel. */
export interface TunnelHealth {
  /** No handshake succeeded at the last try. */
  readonly isDown: boolean;
  /** A peer answers. */
  readonly isAlive: boolean;
  /** It is alive, and did not fail or is stable again. */
  readonly isTrusted: boolean;
  /** How long it has been down, in milliseconds. */
  readonly downForMs: number;
}

/** The switches to be in force, and the devices of the tunnels that may not carry their own traffic now. */
export interface ChosenSwitches {
  readonly away: readonly string[];
  readonly switches: readonly DeviceSwitch[];
}

const UNKNOWN: TunnelHealth = { isDown: false, isAlive: false, isTrusted: false, downForMs: 0 };

/**
 * Which tunnels carry the traffic of those that are down (rule S4.9). A tunnel gives its traffic away when it is down. It
 * takes it back when it is trusted, or when it answers and no other does. Direct ends with the first answer. Pure.
 *
 * @param away what the last choice returned
 */
export function chooseSwitches(
  tunnels: readonly FallbackTunnel[],
  healthOf: (device: string) => TunnelHealth | undefined,
  away: readonly string[],
): ChosenSwitches {
  const chosen = tunnels.map(({ spec: { device }, alternatives }) => {
    const health = healthOf(device) ?? UNKNOWN;
    const usable = usableAmong(alternatives, healthOf);
    const returns = health.isTrusted || (health.isAlive && usable.length === 0);
    const isAway = alternatives.length > 0 && (away.includes(device) ? !returns : health.isDown);
    const isDirect = alternatives.includes(DIRECT) && health.isDown && health.downForMs >= DIRECT_AFTER_MS;
    const targets = [...(isAway ? usable : []), ...(isDirect ? [DIRECT] : [])];
    return { device, isAway, targets };
  });
  return {
    away: chosen.filter(({ isAway }) => isAway).map(({ device }) => device),
    switches: chosen.flatMap(({ device, targets }) => targets.map((to) => ({ device, to }))),
  };
}

/** Those that are trusted, or else those that answer at all. */
function usableAmong(
  alternatives: readonly string[],
  healthOf: (device: string) => TunnelHealth | undefined,
): readonly string[] {
  const trusted = alternatives.filter((device) => healthOf(device)?.isTrusted === true);
  return trusted.length > 0 ? trusted : alternatives.filter((device) => healthOf(device)?.isAlive === true);
}
