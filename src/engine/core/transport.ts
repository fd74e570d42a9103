import { TAG_BYTES } from "../crypto/crypto.ts";
import type { DeviceCounters, Output } from "../device.ts";
import type { Endpoint } from "../endpoint.ts";
import { type Candidate, MISREADING, TRANSPORT_HEADER_BYTES } from "../wire/wire-format.ts";
import { type Arrival, type Core, emit } from "./core.ts";
import { innerLength, ipVersion, sourceOffset } from "./inner-packet.ts";
import type { PeerSession, PeerState } from "./peer-state.ts";
import { confirmSession, handshakeDone, moveTo } from "./rotation.ts";

const NOTHING = new Uint8Array(0);

/** Seals and sends one inner packet, or an empty one as keepalive; false if no session can carry it. */
export function sendSealed(core: Core, peer: PeerState, packet: Uint8Array, now: number, out: Output[]): boolean {
  const session = peer.currentSession(now);
  let counter = session?.takeCounters(1) ?? -1;
  const { endpoint } = peer;
  if (session === undefined || endpoint === undefined || counter < 0) return false;
  const { transport } = peer.reads;
  const fits = Math.max(core.payloadBytes(endpoint) - transport.overheadBytes, 0);
  const plaintext = new Uint8Array(transport.paddedLength(packet.length, Math.min(core.mtuBytes, fits), peer.wire));
  plaintext.set(packet);
  const sealedAt = transport.prefixBytes + TRANSPORT_HEADER_BYTES;
  const datagram = new Uint8Array(sealedAt + plaintext.length + TAG_BYTES);
  const view = new DataView(datagram.buffer);
  const seal = (at: number) => datagram.set(core.crypto.aeadSeal(session.sendKey, at, plaintext, NOTHING), sealedAt);
  seal(counter);
  transport.write(view, 0, session.remoteIndex, counter);
  for (let attempt = 1; attempt <= MISREADING.attempts; attempt += 1) {
    if (transport.isMisread?.(view, 0, datagram.length) !== true) break;
    const next = attempt % MISREADING.writesASeal === 0 ? session.takeCounters(1) : -1;
    if (next >= 0) {
      counter = next;
      seal(counter);
    }
    transport.write(view, 0, session.remoteIndex, counter);
  }
  peer.wire.noteTransport(datagram.length);
  sentOver(session, packet.length === 0 ? 0 : 1, datagram.length, now);
  emit(peer, datagram, out);
  return true;
}

/** Updates the peer's timers and counts after sending over a session (paper sections 6.2 and 6.5). */
export function sentOver(session: PeerSession, dataPackets: number, bytes: number, now: number): void {
  const { peer } = session;
  peer.sentBytes += bytes;
  peer.timers.anySent(now);
  if (dataPackets > 0) peer.timers.dataSent(now);
  if (session === peer.current && session.wantsRekey(now)) peer.timers.wantHandshake(now);
}

/** Updates the peer after authenticated messages of a session: endpoint, confirmation, timers. */
export function receivedOver(
  core: Core,
  session: PeerSession,
  dataPackets: number,
  bytes: number,
  from: Endpoint,
  now: number,
): void {
  const { peer } = session;
  peer.receivedBytes += bytes;
  peer.heardOver = session;
  peer.handshakeAttempts = 0;
  moveTo(peer, from);
  if (confirmSession(core, session)) handshakeDone(core, peer, false);
  peer.timers.anyReceived(now);
  if (dataPackets > 0) peer.timers.dataReceived(now);
  if (session === peer.current && session.isInitiator && now >= session.refreshAt) peer.timers.wantRefresh(now);
}

type TransportCandidate = Extract<Candidate, { kind: "transport" }>;

/** Opens a transport message and delivers its content; else returns why it is not ours. */
export function takeTransport(
  core: Core,
  candidate: TransportCandidate,
  datagram: Uint8Array,
  arrival: Arrival,
): PeerState | keyof DeviceCounters {
  const session = core.sessions.get(candidate.receiver);
  if (session?.isAlive(arrival.now) !== true) return "unknownIndex";
  if (!session.isNewCounter(candidate.counter)) return "replayed";
  const { wire } = arrival;
  const isStrict = candidate.sealedOffset === wire.transport.prefixBytes + TRANSPORT_HEADER_BYTES;
  if (arrival.triedHot && isStrict && wire === core.wire) return "badTransport";
  const sealed = datagram.subarray(candidate.sealedOffset);
  const plaintext = core.crypto.aeadOpen(session.receiveKey, candidate.counter, sealed, NOTHING);
  if (plaintext === undefined) return "badTransport";
  session.acceptCounter(candidate.counter);
  const { peer } = session;
  // What a format tolerates as a known defect may be the former format: the peer may not read ours yet.
  if (isStrict && arrival.provesFormat) peer.turnTo(wire);
  peer.wire.noteTransport(datagram.length);
  const isKeepalive = wire.isKeepalive(plaintext.length, plaintext[0] ?? 0);
  receivedOver(core, session, isKeepalive ? 0 : 1, datagram.length, arrival.from, arrival.now);
  if (!isKeepalive) deliver(core, peer, plaintext, arrival.out);
  return peer;
}

/** Whether the inner packet at `offset` is IP and its source address belongs to the peer. */
export function isSourceOf(core: Core, peer: unknown, bytes: Uint8Array, offset: number, length: number): boolean {
  const version = ipVersion(bytes, offset, length);
  return version !== 0 && core.routes.find(bytes, offset + sourceOffset(version), version) === peer;
}

function deliver(core: Core, peer: PeerState, plaintext: Uint8Array, out: Output[]): void {
  const length = innerLength(plaintext, 0, plaintext.length);
  if (length === 0 || !isSourceOf(core, peer, plaintext, 0, length)) {
    core.counters.badSource += 1;
    return;
  }
  out.push({ kind: "inner", bytes: plaintext.subarray(0, length), peer });
}
