import type { Output } from "../device.ts";
import { type Endpoint, sameEndpoint } from "../endpoint.ts";
import type { Core } from "./core.ts";
import type { PeerState } from "./peer-state.ts";

/**
 * The addresses for an initiation. First the peer's endpoint. If no session carries packets, or the last initiation had
 * no response, all other addresses follow. Each repetition starts with another one: a server behind two addresses
 * answers the first packet on its path, even if replies cannot return by it.
 */
export function addressesToAsk(peer: PeerState, now: number): readonly Endpoint[] {
  const { endpoint, candidates, askedInVain } = peer;
  if (endpoint === undefined) return [];
  if (candidates.length === 0 || (askedInVain === 0 && peer.currentSession(now) !== undefined)) return [endpoint];
  const all = [endpoint, ...candidates.filter((candidate) => !sameEndpoint(candidate, endpoint))];
  const first = askedInVain % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** When the running initiation was sent to the address that answered; milliseconds. */
export function askedAt({ race, initiatedAt }: PeerState, from: Endpoint): number {
  return race?.asked.find(({ to }) => sameEndpoint(to, from))?.at ?? initiatedAt;
}

/** Sends the datagrams of an initiation: those that the wire format sends before it, then itself. */
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

/** The last address has not answered yet: the same initiation is sent to the next one too. */
export function askNext(core: Core, peer: PeerState, now: number, out: Output[]): void {
  const { race } = peer;
  const next = race?.left.shift();
  if (race === undefined || next === undefined) return;
  race.asked.push({ to: next, at: now });
  if (race.left.length > 0) peer.timers.askNextLater(now);
  sendInitiation(core, peer, race.message, next, now, out);
}
