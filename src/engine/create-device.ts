import { AwgError } from "../model/error.ts";
import type { Prefix } from "../model/prefix.ts";
import { type Core, keyOf, schedule } from "./core/core.ts";
import { destinationOffset, ipVersion } from "./core/inner-packet.ts";
import { newCore } from "./core/new-core.ts";
import type { PeerSession } from "./core/peer-state.ts";
import { Receiver } from "./core/receiver.ts";
import { applyConfig, dropPeer, placePeer, putPeer, startAnew } from "./core/reconfigure.ts";
import { sendOrQueue, serve } from "./core/serve.ts";
import { TransportSession } from "./core/session.ts";
import { isSourceOf, receivedOver, sentOver } from "./core/transport.ts";
import { KEY_BYTES } from "./crypto/crypto.ts";
import type {
  Device,
  DeviceChange,
  DeviceConfig,
  DeviceCounters,
  DevicePorts,
  Output,
  Peer,
  PeerConfig,
  Session,
} from "./device.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * Creates a device with this config; see `Device`. The first `tick` returns the first outputs (handshakes of peers with
 * a persistent keepalive). Throws AwgError "bug" on keys that are not 32 bytes.
 */
export function createDevice(config: DeviceConfig, ports: DevicePorts): Device {
  if (config.privateKey.length !== KEY_BYTES) {
    throw new AwgError("bug", `the private key of a tunnel has ${config.privateKey.length} bytes, not ${KEY_BYTES}`);
  }
  return new EmbeddedDevice(config, ports);
}

/** After a change: one of many peers must not wait for all of them; the next `tick` serves the others. */
const SERVED_AT_ONCE = 8;

/** Before any `now`: what is due at the start is due at the first tick. */
const START = 0;

class EmbeddedDevice implements Device {
  #core: Core;
  #receiver: Receiver;

  constructor(config: DeviceConfig, ports: DevicePorts) {
    this.#core = newCore(config, ports);
    this.#receiver = new Receiver(this.#core);
    for (const peer of config.peers) putPeer(this.#core, peer, START);
  }

  get publicKey(): Uint8Array {
    return this.#core.identity.publicKey;
  }

  get counters(): DeviceCounters {
    return this.#core.counters;
  }

  peers(): Iterable<Peer> {
    return this.#core.peers.values();
  }

  peerByKey(publicKey: Uint8Array): Peer | undefined {
    return this.#core.peers.get(keyOf(publicKey));
  }

  receive(datagram: Uint8Array, from: Endpoint, now: number, underLoad = false, triedHot = false): readonly Output[] {
    const out: Output[] = [];
    const peer = this.#receiver.take(datagram, { from, now, underLoad, triedHot, out });
    if (peer !== undefined) serve(this.#core, peer, now, out);
    return out;
  }

  isHandshake(datagram: Uint8Array): boolean {
    return this.#receiver.isHandshake(datagram);
  }

  send(innerPacket: Uint8Array, now: number): readonly Output[] {
    const version = ipVersion(innerPacket, 0, innerPacket.length);
    const peer = version === 0 ? undefined : this.#core.routes.find(innerPacket, destinationOffset(version), version);
    if (peer === undefined) {
      this.#core.counters.unroutable += 1;
      return [];
    }
    const out: Output[] = [];
    sendOrQueue(this.#core, peer, innerPacket, now, out);
    return out;
  }

  tick(now: number, mostPeers = Number.POSITIVE_INFINITY): readonly Output[] {
    const out: Output[] = [];
    for (let served = 0; served < mostPeers; served += 1) {
      const peer = this.#core.due.due(now);
      if (peer === undefined) break;
      serve(this.#core, peer, now, out);
    }
    return out;
  }

  nextDeadline(): number {
    return this.#core.due.earliest;
  }

  routeTo(bytes: Uint8Array, offset: number, family: 4 | 6): Peer | undefined {
    return this.#core.routes.find(bytes, offset, family);
  }

  acceptsSource(peer: Peer, bytes: Uint8Array, offset: number, length: number): boolean {
    return isSourceOf(this.#core, peer, bytes, offset, length);
  }

  sessionByIndex(receiver: number, now: number): Session | undefined {
    const session = this.#core.sessions.get(receiver);
    return session?.isAlive(now) === true ? session : undefined;
  }

  noteSent(session: Session, dataPackets: number, bytes: number, now: number): void {
    const own = this.#own(session);
    if (own === undefined) return;
    sentOver(own, dataPackets, bytes, now);
    schedule(this.#core, own.peer);
  }

  noteReceived(session: Session, dataPackets: number, bytes: number, from: Endpoint, now: number): void {
    const own = this.#own(session);
    if (own === undefined) return;
    receivedOver(this.#core, own, dataPackets, bytes, from, now);
    schedule(this.#core, own.peer);
  }

  configure(config: DeviceChange, now: number): readonly Output[] {
    if (config.wire !== this.#core.wire) this.#receiver.keepReading(this.#core.wire, config.wire, now);
    applyConfig(this.#core, config, now);
    return this.tick(now, SERVED_AT_ONCE);
  }

  setPeer(peer: PeerConfig, now: number): readonly Output[] {
    putPeer(this.#core, peer, now);
    return this.tick(now, SERVED_AT_ONCE);
  }

  changePrefixes(publicKey: Uint8Array, add: readonly Prefix[], remove: readonly Prefix[]): boolean {
    const peer = this.#core.peers.get(keyOf(publicKey));
    if (peer === undefined) return false;
    for (const prefix of remove) this.#core.routes.unset(prefix, peer);
    for (const prefix of add) this.#core.routes.set(prefix, peer);
    return true;
  }

  removePeer(publicKey: Uint8Array): boolean {
    const peer = this.#core.peers.get(keyOf(publicKey));
    if (peer !== undefined) dropPeer(this.#core, peer);
    return peer !== undefined;
  }

  setEndpoint(publicKey: Uint8Array, endpoint: Endpoint): boolean {
    const peer = this.#core.peers.get(keyOf(publicKey));
    if (peer !== undefined) placePeer(peer, endpoint);
    return peer !== undefined;
  }

  connect(publicKey: Uint8Array, now: number): readonly Output[] {
    const peer = this.#core.peers.get(keyOf(publicKey));
    if (peer === undefined || peer.currentSession(now) !== undefined) return [];
    peer.timers.wantHandshake(now);
    schedule(this.#core, peer);
    return this.tick(now, SERVED_AT_ONCE);
  }

  shakeHands(publicKey: Uint8Array, now: number): readonly Output[] {
    const peer = this.#core.peers.get(keyOf(publicKey));
    if (peer?.endpoint === undefined) return [];
    startAnew(this.#core, peer, now);
    return this.tick(now, SERVED_AT_ONCE);
  }

  close(): void {
    for (const peer of [...this.#core.peers.values()]) dropPeer(this.#core, peer);
    this.#core.crypto.wipe(this.#core.identity.privateKey);
    this.#core.cookieSecret.wipe();
    this.#core.wire.forgetKeys?.();
    this.#receiver.forgetFormer();
  }

  /** The session as ours; undefined if it was closed meanwhile. */
  #own(session: Session): PeerSession | undefined {
    return session instanceof TransportSession && !session.isClosed ? session : undefined;
  }
}
