import { destinationOffset, innerLength, ipVersion } from "../../../src/engine/core/inner-packet.ts";
import type { Device, Output } from "../../../src/engine/device.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";
import { PLAIN_WIRE, plainPaddedLength } from "../../../src/engine/wire/plain.ts";
import { CRYPTO } from "./crypto.ts";

const { transport } = PLAIN_WIRE;
const NOTHING = new Uint8Array(0);
const MTU = 1420;

/** Sends as a loop does that seals in place: the hot way of the device, the slow one where that cannot go on. */
export function sendHot(device: Device, packet: Uint8Array, now: number): readonly Output[] {
  const version = ipVersion(packet, 0, packet.length);
  const peer = version === 0 ? undefined : device.routeTo(packet, destinationOffset(version), version);
  const session = peer?.currentSession(now);
  const counter = session?.takeCounters(1) ?? -1;
  if (peer?.endpoint === undefined || session === undefined || counter < 0) return device.send(packet, now);
  const plaintext = new Uint8Array(plainPaddedLength(packet.length, MTU));
  plaintext.set(packet);
  const bytes = new Uint8Array(plaintext.length + transport.overheadBytes);
  transport.write(new DataView(bytes.buffer), 0, session.remoteIndex, counter);
  bytes.set(CRYPTO.aeadSeal(session.sendKey, counter, plaintext, NOTHING), 16);
  const sent: Output = { kind: "datagram", to: peer.endpoint, bytes, peer };
  device.noteSent(session, 1, bytes.length, now);
  return [sent, ...ticked(device, now)];
}

/** Receives as such a loop does. */
export function receiveHot(device: Device, datagram: Uint8Array, from: Endpoint, now: number): readonly Output[] {
  const header = { receiver: 0, counter: 0 };
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const isTransport = transport.read(view, 0, datagram.length, header);
  const session = isTransport ? device.sessionByIndex(header.receiver, now) : undefined;
  const plaintext =
    session?.isNewCounter(header.counter) === true
      ? CRYPTO.aeadOpen(session.receiveKey, header.counter, datagram.subarray(16), NOTHING)
      : undefined;
  if (session === undefined || plaintext === undefined) return device.receive(datagram, from, now);
  session.acceptCounter(header.counter);
  const isData = !PLAIN_WIRE.isKeepalive(plaintext.length, plaintext[0] ?? 0);
  device.noteReceived(session, isData ? 1 : 0, datagram.length, from, now);
  const length = innerLength(plaintext, 0, plaintext.length);
  const { peer } = session;
  if (!isData || length === 0 || !device.acceptsSource(peer, plaintext, 0, length)) return ticked(device, now);
  return [{ kind: "inner", bytes: plaintext.subarray(0, length), peer }, ...ticked(device, now)];
}

function ticked(device: Device, now: number): readonly Output[] {
  return device.nextDeadline() <= now ? device.tick(now) : [];
}
