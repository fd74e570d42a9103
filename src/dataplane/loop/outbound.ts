import { destinationOffset, ipVersion } from "../../engine/core/inner-packet.ts";
import type { Device, Output, Session } from "../../engine/device.ts";
import type { Endpoint } from "../../engine/endpoint.ts";
import { MISREADING, type TransportWire } from "../../engine/wire/wire-format.ts";
import type { PreparedTun } from "../../native/packet-system.ts";
import { clampSegmentSize, isFirstOfTcp } from "../packet/segment-size.ts";
import { completeFromVirtio, Superpacket } from "../packet/superpacket.ts";
import { AnswerRate, LEAST_MTU_BYTES, mustNotBeCut, tooBigAnswer } from "../packet/too-big.ts";
import { CUT } from "../packet/virtio-header.ts";
import type { RouteCache } from "./route-cache.ts";
import type { SendBatch } from "./send-batch.ts";
import { TUN_LEAD_BYTES, type WorkerResources } from "./worker-resources.ts";

/** Packets read from a device in one turn, limited so that other tunnels and the other direction get their share. */
const READS_A_TURN = 128;
const HEADER_BYTES = 16;

export interface OutboundCounters {
  /** Reads with a result, and their packets after segmentation. */
  reads: number;
  packets: number;
  /** Not IP, malformed, or no space to send. */
  dropped: number;
  /** Too large for the route to their peer, with fragmentation forbidden: their senders got an ICMP error. */
  tooBig: number;
}

/** What the sending side needs from its tunnel. */
export interface OutboundPorts {
  readonly device: Device;
  readonly batch: SendBatch;
  readonly tun: PreparedTun & { readonly fd: number };
  readonly routes: RouteCache;
  mtuBytes(): number;
  /** An answer to a packet that does not fit, to write to the TUN device. */
  answer(packet: Uint8Array): void;
  /** What the slow path produced. */
  perform(outputs: readonly Output[]): void;
  /** A read failed with this errno, other than EAGAIN. */
  readFailed(errno: string): void;
}

/**
 * From the TUN device to the sockets. A superpacket is segmented in place, and each segment is sealed directly into the
 * send buffer: only the cipher copies payload.
 */
export class Outbound {
  readonly counters: OutboundCounters = { reads: 0, packets: 0, dropped: 0, tooBig: 0 };
  readonly #resources: WorkerResources;
  readonly #ports: OutboundPorts;
  readonly #cut: Superpacket;
  readonly #answers = new AnswerRate();
  /** The upper limit of padding. */
  #paddedTo = 0;

  constructor(resources: WorkerResources, ports: OutboundPorts) {
    this.#resources = resources;
    this.#ports = ports;
    this.#cut = new Superpacket(resources.arena, resources.sum);
  }

  /** Reads until the device is empty, the send buffer is full, or the turn's limit is reached; then sends. */
  turn(now: number): void {
    const { arena, calls, tunBuffer } = this.#resources;
    const { tun, batch } = this.#ports;
    const at = tunBuffer + TUN_LEAD_BYTES;
    for (let reads = 0; reads < READS_A_TURN && !batch.isFull && !batch.blocked; reads += 1) {
      const got = calls.read(tun.fd, arena.base + at - tun.headerBytes, 65_535 + tun.headerBytes);
      if (got <= tun.headerBytes) {
        if (got < 0) this.#noteFailure();
        break;
      }
      this.counters.reads += 1;
      this.#packet(at, got - tun.headerBytes, now);
    }
    if (!batch.blocked) batch.flush();
  }

  #noteFailure(): void {
    const errno = this.#resources.calls.errno();
    if (errno !== "EAGAIN" && errno !== "EINTR") this.#ports.readFailed(errno);
  }

  #packet(at: number, length: number, now: number): void {
    const { arena, sum } = this.#resources;
    const { view } = arena;
    const { headerBytes } = this.#ports.tun;
    const kind = headerBytes === 0 ? CUT.none : view.getUint8(at - headerBytes + 1);
    if (kind !== CUT.none) {
      if (!this.#cut.open(at, length, kind, view.getUint16(at - headerBytes + 4, true))) this.counters.dropped += 1;
      else this.#send(at, this.#cut.count, length, now);
      return;
    }
    if (headerBytes > 0 && !completeFromVirtio(view, sum, at - headerBytes, at, length)) {
      this.counters.dropped += 1;
      return;
    }
    this.#send(at, 0, length, now);
  }

  /** `segments` 0: the packet is not segmented. */
  #send(at: number, segments: number, length: number, now: number): void {
    const { device } = this.#ports;
    const { bytes } = this.#resources.arena;
    const version = ipVersion(bytes, at, length);
    const packets = segments === 0 ? 1 : segments;
    this.counters.packets += packets;
    if (version === 0) {
      this.counters.dropped += packets;
      return;
    }
    const peer = device.routeTo(bytes, at + destinationOffset(version), version);
    if (peer === undefined) {
      device.counters.unroutable += packets;
      return;
    }
    const session = peer.currentSession(now);
    const endpoint = peer.endpoint;
    // Counters are taken only for packets that are sent: the peer counts gaps as losses.
    if (endpoint !== undefined && !this.#prepare(at, segments, length, endpoint, peer.reads.transport)) return;
    const first = session === undefined || session.slot === 0 ? -1 : session.takeCounters(packets);
    if (session === undefined || endpoint === undefined || first < 0) {
      this.#sendSlowly(at, segments, length, now);
      return;
    }
    let sentBytes = 0;
    for (let index = 0; index < packets; index += 1) {
      const from = segments === 0 ? at : this.#cut.write(index);
      const size = segments === 0 ? length : this.#cut.lengthOf(index);
      sentBytes += this.#seal(session, endpoint, first + index, from, size);
    }
    if (sentBytes > 0) device.noteSent(session, packets, sentBytes, now);
  }

  /**
   * Makes a packet fit the route to its peer. Clamps the segment size of a new connection. If the packet does not fit
   * and must not be fragmented, sends an ICMP error to its sender and returns false. Other packets are left to
   * fragmentation by the outer network.
   */
  #prepare(at: number, segments: number, length: number, endpoint: Endpoint, wire: TransportWire): boolean {
    const { routes, mtuBytes, answer } = this.#ports;
    const { view, bytes } = this.#resources.arena;
    const fits = routes.payloadBytes(endpoint) - wire.overheadBytes;
    this.#paddedTo = Math.min(mtuBytes(), Math.max(fits, 0));
    if (segments === 0 && isFirstOfTcp(view, at, length)) clampSegmentSize(view, at, length, this.#paddedTo);
    const largest = segments === 0 ? length : this.#cut.segmentLength;
    if (largest <= fits) return true;
    const least = view.getUint8(at) >>> 4 === 6 ? LEAST_MTU_BYTES.six : LEAST_MTU_BYTES.four;
    if (largest <= least || !mustNotBeCut(view, at)) return true;
    this.counters.tooBig += 1;
    if (this.#answers.allow(routes.now)) {
      const packet = tooBigAnswer(bytes.subarray(at, at + length), Math.max(fits, least));
      if (packet !== undefined) answer(packet);
    }
    return false;
  }

  /** Seals one packet into the batch and returns the datagram's length; 0 without space. */
  #seal(session: Session, endpoint: Endpoint, counter: number, from: number, length: number): number {
    const { batch } = this.#ports;
    const { arena } = this.#resources;
    const wire = session.peer.reads.transport;
    const peerWire = session.peer.wire;
    const padded = wire.paddedLength(length, this.#paddedTo, peerWire);
    const size = wire.overheadBytes + padded;
    let to = batch.place(size);
    if (to < 0 && !batch.blocked) {
      batch.flush();
      to = batch.place(size);
    }
    if (to < 0) {
      this.counters.dropped += 1;
      return 0;
    }
    this.#sealAt(session.slot, counter, from, length, padded, to + wire.prefixBytes + HEADER_BYTES);
    wire.write(arena.view, to, session.remoteIndex, counter);
    if (wire.isMisread?.(arena.view, to, size) === true) this.#sealAnew(session, counter, from, length, padded, to);
    peerWire.noteTransport(size);
    batch.add(endpoint, size);
    return size;
  }

  #sealAt(slot: number, counter: number, from: number, length: number, padded: number, to: number): void {
    if (padded === length) this.#resources.aead.seal(slot, counter, from, length, to);
    else this.#sealPadded(slot, counter, from, length, padded, to);
  }

  /** Writes a misread datagram until it is not: see MISREADING. */
  #sealAnew(session: Session, counter: number, from: number, length: number, padded: number, to: number): void {
    const { view } = this.#resources.arena;
    const wire = session.peer.reads.transport;
    const size = wire.overheadBytes + padded;
    let used = counter;
    for (let attempt = 1; attempt <= MISREADING.attempts; attempt += 1) {
      const next = attempt % MISREADING.writesASeal === 0 ? session.takeCounters(1) : -1;
      if (next >= 0) {
        used = next;
        this.#sealAt(session.slot, used, from, length, padded, to + wire.prefixBytes + HEADER_BYTES);
      }
      wire.write(view, to, session.remoteIndex, used);
      if (wire.isMisread?.(view, to, size) !== true) return;
    }
  }

  /** The bytes after the packet, which may belong to the next segment, are zero while it is sealed. */
  #sealPadded(slot: number, counter: number, from: number, length: number, padded: number, to: number): void {
    const { arena, aead, aside } = this.#resources;
    const { view } = arena;
    const end = from + length;
    const missing = padded - length;
    if (missing > 16) {
      arena.bytes.copyWithin(aside, end, from + padded);
      arena.bytes.fill(0, end, from + padded);
      aead.seal(slot, counter, from, padded, to);
      arena.bytes.copyWithin(end, aside, aside + missing);
      return;
    }
    const a = view.getInt32(end, true);
    const b = view.getInt32(end + 4, true);
    const c = view.getInt32(end + 8, true);
    const d = view.getInt32(end + 12, true);
    for (let at = end; at < end + 16; at += 4) view.setInt32(at, 0, true);
    aead.seal(slot, counter, from, padded, to);
    view.setInt32(end, a, true);
    view.setInt32(end + 4, b, true);
    view.setInt32(end + 8, c, true);
    view.setInt32(end + 12, d, true);
  }

  /** Without a session the engine queues copies and starts a handshake. */
  #sendSlowly(at: number, segments: number, length: number, now: number): void {
    const { device, perform } = this.#ports;
    const { bytes } = this.#resources.arena;
    for (let index = 0; index < Math.max(1, segments); index += 1) {
      const from = segments === 0 ? at : this.#cut.write(index);
      const size = segments === 0 ? length : this.#cut.lengthOf(index);
      perform(device.send(bytes.subarray(from, from + size), now));
    }
  }
}
