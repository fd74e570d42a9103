import { type DeviceSwitch, DIRECT, type FallbackTunnel } from "../../app/apply/fallback.ts";

/** So long a tunnel must be down before its traffic goes directly: nothing hurries into the open. */
const DIRECT_AFTER_MS = 15_000;
/** So long it must be down before another takes over that failed itself and is not stable again. */
const UNSTABLE_AFTER_MS = 60_000;

/** What is known of one tunnel. */
export interface TunnelHealth {
  /** No handshake succeeded at the last try. */
  readonly isDown: boolean;
  /** A peer answered, and handshakes did not fail since. */
  readonly isAlive: boolean;
  /** It is alive, and never failed or is stable again. */
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
 * takes it back when it is stable again, or when it answers and no other does. Direct ends with the first answer. Pure.
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
    const others = alternatives.map((other) => ({ device: other, ...(healthOf(other) ?? UNKNOWN) }));
    const trusted = others.filter(({ isTrusted }) => isTrusted);
    const alive = others.filter(({ isAlive }) => isAlive);
    const leaves = health.isDown && (trusted.length > 0 || health.downForMs >= UNSTABLE_AFTER_MS);
    const returns = health.isTrusted || (health.isAlive && alive.length === 0);
    const isAway = away.includes(device) ? !returns : leaves && alive.length > 0;
    const isDirect = alternatives.includes(DIRECT) && health.isDown && health.downForMs >= DIRECT_AFTER_MS;
    const carriers = trusted.length > 0 ? trusted : alive;
    const targets = [...(isAway ? carriers.map((other) => other.device) : []), ...(isDirect ? [DIRECT] : [])];
    return { device, isAway, targets };
  });
  return {
    away: chosen.filter(({ isAway }) => isAway).map(({ device }) => device),
    switches: chosen.flatMap(({ device, targets }) => targets.map((to) => ({ device, to }))),
  };
}
