import type { Output } from "../device.ts";
import { type Endpoint, sameEndpoint } from "../endpoint.ts";
import type { Core } from "./core.ts";
import type { PeerState } from "./peer-state.ts";

/**
 * Where an initiation is to go: first where the peer is thought to be; then, while no session carries its packets or when
 * nobody answered the last one, wherever else it may be. Each repetition begins with another, for a server that two of
 * them lead to takes the first and answers where it came from, be that way deaf.
 */
export function addressesToAsk(peer: PeerState, now: number): readonly Endpoint[] {
  const { endpoint, candidates, askedInVain } = peer;
  if (endpoint === undefined) return [];
  if (candidates.length === 0 || (askedInVain === 0 && peer.currentSession(now) !== undefined)) return [endpoint];
  const all = [endpoint, ...candidates.filter((candidate) => !sameEndpoint(candidate, endpoint))];
  const first = askedInVain % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** When the running initiation left for where its answer comes from; milliseconds. */
export function askedAt({ race, initiatedAt }: PeerState, from: Endpoint): number {
  return race?.asked.find(({ to }) => sameEndpoint(to, from))?.at ?? initiatedAt;
}

/** Sends the datagrams that make up an initiation: whatever the wire format sends before one, and itself. */
export function sendInitiation(
  core: Core,
  peer: PeerState,
  message: Uint8Array,
  to: Endpoint,
  now: number,
  out: Output[],
): void {
  const before = core.wire.beforeInitiation(peer.wire, now, core.sources.unixTime().seconds);
  for (const bytes of before) out.push({ kind: "datagram", to, bytes, peer });
  const bytes = core.wire.wrap("initiation", message, peer.wire);
  peer.sentBytes += bytes.length;
  out.push({ kind: "datagram", to, bytes, peer });
}

/** The last address that was asked has not answered yet: the same initiation goes to the next one too. */
export function askNext(core: Core, peer: PeerState, now: number, out: Output[]): void {
  const { race } = peer;
  const next = race?.left.shift();
  if (race === undefined || next === undefined) return;
  race.asked.push({ to: next, at: now });
  if (race.left.length > 0) peer.timers.askNextLater(now);
  sendInitiation(core, peer, race.message, next, now, out);
}
