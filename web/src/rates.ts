import type { StatusDocument } from "./documents.ts";
import { tunnelName } from "./words.ts";

/** Points that a plot holds: five minutes at one every two seconds. */
const POINTS = 150;

/** One moment of a tunnel: when, in seconds, and bytes a second in each direction. */
export interface RatePoint {
  readonly at: number;
  readonly received: number;
  readonly sent: number;
}

/** Counters of a tunnel when they were last read. */
interface Counters {
  readonly at: number;
  readonly received: number;
  readonly sent: number;
}

/** Rates by tunnel, from successive statuses. */
export interface Rates {
  readonly last: Readonly<Record<string, Counters>>;
  readonly points: Readonly<Record<string, readonly RatePoint[]>>;
}

export const NO_RATES: Rates = { last: {}, points: {} };

/**
 * The rates after another status. A counter that fell belongs to a new engine: that moment has no rate. Pure.
 *
 * @param atMs when the status was read
 */
export function withStatus(rates: Rates, status: StatusDocument, atMs: number): Rates {
  const at = atMs / 1_000;
  const last: Record<string, Counters> = {};
  const points: Record<string, readonly RatePoint[]> = {};
  for (const resource of status.resources) {
    const name = tunnelName(resource);
    if (name === undefined || resource.tunnel === undefined) continue;
    const { peers } = resource.tunnel;
    const now = {
      at,
      received: peers.reduce((sum, peer) => sum + peer.receivedBytes, 0),
      sent: peers.reduce((sum, peer) => sum + peer.sentBytes, 0),
    };
    const before = rates.last[name];
    const known = rates.points[name] ?? [];
    last[name] = now;
    const isNext = before !== undefined && at > before.at && now.received >= before.received && now.sent >= before.sent;
    points[name] = isNext ? [...known, rateBetween(before, now)].slice(-POINTS) : known;
  }
  return { last, points };
}

function rateBetween(before: Counters, now: Counters): RatePoint {
  const seconds = now.at - before.at;
  return {
    at: now.at,
    received: (now.received - before.received) / seconds,
    sent: (now.sent - before.sent) / seconds,
  };
}
