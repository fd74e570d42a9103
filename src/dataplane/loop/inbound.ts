import { innerLength } from "../../engine/core/inner-packet.ts";
import type { Device, Output, Session } from "../../engine/device.ts";
import type { Endpoint } from "../../engine/endpoint.ts";
import { randomWord } from "../../engine/sources.ts";
import type { TransportHeader, TransportWire, WireFormat } from "../../engine/wire/wire-format.ts";
import { PACKET_LEAD_BYTES, PACKET_TAG_BYTES } from "../../native/openssl/packet-aead.ffi.ts";
import { clampSegmentSize, isFirstOfTcp } from "../packet/segment-size.ts";
import { HandshakeQueue, type WaitingHandshake } from "./handshake-queue.ts";
import { type ReceivedControl, readControl } from "./message-control.ts";
import type { RouteCache } from "./route-cache.ts";
import { SourceCache } from "./source-cache.ts";
import type { TunWriter } from "./tun-writer.ts";
import {
  CONTROL_BYTES,
  MESSAGE_BYTES,
  NAME_BYTES,
  OPENED_AREA_BYTES,
  RECEIVE_LEAD_BYTES,
  RECEIVE_MESSAGES,
  RECEIVE_STRIDE,
  type WorkerResources,
} from "./worker-resources.ts";

/** Aggregated messages hold much data, others one datagram each (measured: 8 and 64 are best). */
const FEW_MESSAGES = 8;
const HEADER_BYTES = 16;
/** Handshakes are processed for so long, then sockets and devices are looked at again. */
const SLICE_MS = 0.5;
/** Handshakes get one part in so many of the time while packets are carried, and those of a flood always. */
const SHARE = 5;

export interface InboundCounters {
  /** recvmmsg calls with a result, their messages and datagrams. */
  receives: number;
  messages: number;
  datagrams: number;
  bytes: number;
  /** Handshake messages dropped because too many of their source waited. */
  crowdedOut: number;
}

/** What the receiving side needs from its tunnel. */
export interface InboundPorts {
  readonly device: Device;
  readonly writer: TunWriter;
  readonly routes: RouteCache;
  wire(): WireFormat;
  mtuBytes(): number;
  perform(outputs: readonly Output[]): void;
  /** A receive failed with this errno, other than EAGAIN. */
  receiveFailed(errno: string): void;
}

/** From the sockets to the TUN device: each datagram is decrypted into the opened area and passed to the writer. */
export class Inbound {
  readonly counters: InboundCounters = { receives: 0, messages: 0, datagrams: 0, bytes: 0, crowdedOut: 0 };
  readonly #resources: WorkerResources;
  readonly #ports: InboundPorts;
  readonly #sources: SourceCache;
  readonly #control: ReceivedControl = { segmentBytes: 0, localAt: -1 };
  readonly #header: TransportHeader = { receiver: 0, counter: 0 };
  #wanted = FEW_MESSAGES;
  #opened = 0;
  // Packets of one session and source that were not reported to the engine yet.
  #session: Session | undefined;
  #from: Endpoint | undefined;
  #sessionPackets = 0;
  #sessionBytes = 0;
  // The session of the last datagram; looked up again at the next turn only after it ended, since a lookup by 32-bit
  // index allocates a number.
  #lastReceiver = -1;
  #lastSession: Session | undefined;
  readonly #handshakes: HandshakeQueue;
  /** No handshakes before: the time that was not theirs. */
  #nextSliceAt = 0;
  #busySliceAt = 0;

  constructor(resources: WorkerResources, ports: InboundPorts) {
    this.#resources = resources;
    this.#ports = ports;
    this.#sources = new SourceCache(randomWord(resources.sources));
    this.#handshakes = new HandshakeQueue(randomWord(resources.sources));
  }

  /** Receives once from a socket and writes the packets to the device. */
  turn(fd: number, now: number): void {
    const { calls, arena, receive } = this.#resources;
    this.#prepare(this.#wanted);
    const got = calls.recvmmsg(fd, arena.base + receive.headers, this.#wanted);
    if (got <= 0) {
      const errno = got < 0 ? calls.errno() : "EAGAIN";
      if (errno !== "EAGAIN" && errno !== "EINTR") this.#ports.receiveFailed(errno);
      return;
    }
    if (!isUsable(this.#lastSession, now)) this.#lastReceiver = -1;
    this.counters.receives += 1;
    this.counters.messages += got;
    const before = this.counters.datagrams;
    for (let index = 0; index < got; index += 1) this.#message(index, now);
    const aggregated = this.counters.datagrams - before > got;
    if (got === this.#wanted && !aggregated) this.#wanted = RECEIVE_MESSAGES;
    else if (aggregated) this.#wanted = FEW_MESSAGES;
    this.#reportToEngine(now);
    this.flush();
  }

  /** How long handshakes that wait may wait at least; Infinity if none waits. */
  handshakeWaitMs(): number {
    return this.#handshakes.isEmpty ? Number.POSITIVE_INFINITY : Math.max(0, this.#nextSliceAt - performance.now());
  }

  /** Processes waiting handshakes for a short time. `isBusy`: packets were carried in this turn. */
  serveHandshakes(isBusy: boolean, now: number): void {
    if (this.#handshakes.isEmpty) return;
    const begun = performance.now();
    if (begun < (isBusy ? this.#busySliceAt : this.#nextSliceAt)) return;
    const { device, perform } = this.#ports;
    let time = begun;
    let flooded = 0;
    const take = ({ datagram, from }: WaitingHandshake, isCrowded: boolean) => {
      perform(device.receive(datagram, from, now, isCrowded));
      const after = performance.now();
      if (isCrowded) flooded += after - time;
      time = after;
    };
    while (time < begun + SLICE_MS && this.#handshakes.serve(take));
    this.#nextSliceAt = time + flooded * (SHARE - 1);
    this.#busySliceAt = time + (time - begun) * (SHARE - 1);
    this.flush();
  }

  /** Writes an inner packet that the slow path decrypted to the TUN device. */
  deliver(packet: Uint8Array): void {
    const at = this.#room(packet.length);
    this.#resources.arena.bytes.set(packet, at);
    this.#take(at, packet.length);
  }

  /** Flushes the writer; the opened area is empty afterwards. */
  flush(): void {
    this.#ports.writer.flush();
    this.#opened = 0;
  }

  /** recvmsg(2) overwrites the lengths of names and control data. */
  #prepare(messages: number): void {
    const { arena, receive } = this.#resources;
    for (let index = 0; index < messages; index += 1) {
      const header = receive.headers + index * MESSAGE_BYTES;
      arena.view.setUint32(header + 8, NAME_BYTES, true);
      arena.view.setUint32(header + 40, CONTROL_BYTES, true);
    }
  }

  #message(index: number, now: number): void {
    const { arena, receive } = this.#resources;
    const { view } = arena;
    const header = receive.headers + index * MESSAGE_BYTES;
    const length = view.getUint32(header + 56, true);
    const control = this.#control;
    readControl(view, receive.controls + index * CONTROL_BYTES, view.getUint32(header + 40, true), control);
    const from = this.#sources.endpointAt(view, receive.names + index * NAME_BYTES, control.localAt);
    const size = control.segmentBytes === 0 ? length : control.segmentBytes;
    const start = receive.buffers + index * RECEIVE_STRIDE + RECEIVE_LEAD_BYTES;
    const transport = this.#ports.wire().transport;
    for (let at = 0; at < length; at += size) {
      this.#datagram(start + at, Math.min(size, length - at), from, transport, now);
      if (size === 0) break;
    }
  }

  #datagram(at: number, length: number, from: Endpoint, transport: TransportWire, now: number): void {
    const { arena, aead } = this.#resources;
    const { device } = this.#ports;
    const header = this.#header;
    this.counters.datagrams += 1;
    this.counters.bytes += length;
    if (!transport.read(arena.view, at, length, header)) {
      this.#slowly(at, length, from, now);
      return;
    }
    if (header.receiver !== this.#lastReceiver) {
      this.#lastReceiver = header.receiver;
      this.#lastSession = device.sessionByIndex(header.receiver, now);
    }
    const session = this.#lastSession;
    // While a peer still gets the previous format, the engine inspects its packets to learn when it has the new one.
    const isKnown = session !== undefined && session.slot !== 0 && session.peer.reads.transport === transport;
    if (!isKnown || !session.isNewCounter(header.counter)) {
      this.#slowly(at, length, from, now);
      return;
    }
    const sealed = at + transport.prefixBytes + HEADER_BYTES;
    const bytes = length - transport.prefixBytes - HEADER_BYTES - PACKET_TAG_BYTES;
    const text = this.#room(bytes);
    if (!aead.open(session.slot, header.counter, sealed, bytes, text)) {
      this.#slowly(at, length, from, now, true);
      return;
    }
    if (session.acceptCounter(header.counter)) this.#accepted(session, from, text, bytes, length, now);
  }

  #accepted(session: Session, from: Endpoint, text: number, bytes: number, datagramBytes: number, now: number): void {
    const { device } = this.#ports;
    const { arena } = this.#resources;
    if (session !== this.#session || from !== this.#from) {
      this.#reportToEngine(now);
      this.#session = session;
      this.#from = from;
    }
    const isKeepalive = this.#ports.wire().isKeepalive(bytes, bytes === 0 ? 0 : arena.view.getUint8(text));
    this.#sessionBytes += datagramBytes;
    session.peer.wire.noteTransport(datagramBytes);
    if (isKeepalive) {
      this.#reportToEngine(now);
      return;
    }
    this.#sessionPackets += 1;
    const length = innerLength(arena.bytes, text, bytes);
    if (length === 0 || !device.acceptsSource(session.peer, arena.bytes, text, length)) {
      device.counters.badSource += 1;
      return;
    }
    if (isFirstOfTcp(arena.view, text, length)) this.#clamp(text, length, from);
    this.#take(text, length);
  }

  /** Clamps the segment size of a new connection to what fits through the tunnel in the other direction. */
  #clamp(at: number, length: number, from: Endpoint): void {
    const { routes, wire, mtuBytes } = this.#ports;
    const fits = routes.payloadBytes(from) - wire().transport.overheadBytes;
    clampSegmentSize(this.#resources.arena.view, at, length, Math.min(mtuBytes(), fits));
  }

  /** An address to decrypt a packet to, with room for its lead and tail. */
  #room(bytes: number): number {
    const needed = PACKET_LEAD_BYTES + bytes + 64;
    if (this.#opened + needed > OPENED_AREA_BYTES) this.flush();
    return this.#resources.openedArea + this.#opened + PACKET_LEAD_BYTES;
  }

  #take(at: number, length: number): void {
    this.#opened = at + length + 64 - this.#resources.openedArea;
    this.#ports.writer.add(at, length);
  }

  /** Reports to the engine what was received since the last call. */
  #reportToEngine(now: number): void {
    const session = this.#session;
    const from = this.#from;
    if (session === undefined || from === undefined || this.#sessionBytes === 0) return;
    this.#ports.device.noteReceived(session, this.#sessionPackets, this.#sessionBytes, from, now);
    this.#sessionPackets = 0;
    this.#sessionBytes = 0;
    this.#session = undefined;
    this.#from = undefined;
  }

  /**
   * Passes all packets to the engine that are not transport packets of a known session. What may be a handshake waits
   * until the packets are carried.
   */
  #slowly(at: number, length: number, from: Endpoint, now: number, triedHot = false): void {
    const { device, perform } = this.#ports;
    const datagram = this.#resources.arena.bytes.subarray(at, at + length);
    if (!triedHot && device.isHandshake(datagram)) {
      if (!this.#handshakes.add(datagram, from)) this.counters.crowdedOut += 1;
      return;
    }
    this.#reportToEngine(now);
    perform(device.receive(datagram, from, now, false, triedHot));
    this.#lastReceiver = -1;
  }
}

/** Whether the session can still decrypt here: it has neither ended nor lost its keys. */
function isUsable(session: Session | undefined, now: number): boolean {
  return session !== undefined && session.slot !== 0 && now < session.expiresAt;
}
