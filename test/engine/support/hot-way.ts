import { destinationOffset, innerLength, ipVersion } from "../../../src/engine/core/inner-packet.ts";
import type { Device, Output } from "../../../src/engine/device.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";
import { PLAIN_WIRE } from "../../../src/engine/wire/plain.ts";
import type { WireFormat } from "../../../src/engine/wire/wire-format.ts";
import { CRYPTO } from "./crypto.ts";

const NOTHING = new Uint8Array(0);
const MTU = 1420;

/** Sends as a loop does that seals in place: the hot way of the device, the slow one where that cannot go on. */
export function sendHot(device: Device, packet: Uint8Array, now: number): readonly Output[] {
  const version = ipVersion(packet, 0, packet.length);
  const peer = version === 0 ? undefined : device.routeTo(packet, destinationOffset(version), version);
  const session = peer?.currentSession(now);
  const counter = session?.takeCounters(1) ?? -1;
  if (peer?.endpoint === undefined || session === undefined || counter < 0) return device.send(packet, now);
  const { transport } = peer.reads;
  const plaintext = new Uint8Array(transport.paddedLength(packet.length, MTU, peer.wire));
  plaintext.set(packet);
  const bytes = new Uint8Array(plaintext.length + transport.overheadBytes);
  transport.write(new DataView(bytes.buffer), 0, session.remoteIndex, counter);
  bytes.set(CRYPTO.aeadSeal(session.sendKey, counter, plaintext, NOTHING), transport.prefixBytes + 16);
  peer.wire.noteTransport(bytes.length);
  const sent: Output = { kind: "datagram", to: peer.endpoint, bytes, peer };
  device.noteSent(session, 1, bytes.length, now);
  return [sent, ...ticked(device, now)];
}

/** Receives as such a loop does, for a device of this format. */
export function receiveHot(
  device: Device,
  datagram: Uint8Array,
  from: Endpoint,
  now: number,
  { transport, isKeepalive }: WireFormat = PLAIN_WIRE,
): readonly Output[] {
  const header = { receiver: 0, counter: 0 };
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const isTransport = transport.read(view, 0, datagram.length, header);
  const session = isTransport ? device.sessionByIndex(header.receiver, now) : undefined;
  const isKnown = session?.peer.reads.transport === transport && session.isNewCounter(header.counter);
  if (session === undefined || !isKnown) return device.receive(datagram, from, now);
  const sealed = datagram.subarray(transport.prefixBytes + 16);
  const plaintext = CRYPTO.aeadOpen(session.receiveKey, header.counter, sealed, NOTHING);
  if (plaintext === undefined) return device.receive(datagram, from, now, false, true);
  session.acceptCounter(header.counter);
  session.peer.wire.noteTransport(datagram.length);
  const isData = !isKeepalive(plaintext.length, plaintext[0] ?? 0);
  device.noteReceived(session, isData ? 1 : 0, datagram.length, from, now);
  const length = innerLength(plaintext, 0, plaintext.length);
  const { peer } = session;
  if (!isData || length === 0 || !device.acceptsSource(peer, plaintext, 0, length)) return ticked(device, now);
  return [{ kind: "inner", bytes: plaintext.subarray(0, length), peer }, ...ticked(device, now)];
}

function ticked(device: Device, now: number): readonly Output[] {
  return device.nextDeadline() <= now ? device.tick(now) : [];
}
