import type { Endpoint } from "../../engine/endpoint.ts";
import { PACKET_LEAD_BYTES, PACKET_TAIL_BYTES } from "../../native/openssl/packet-aead.ffi.ts";
import type { RouteCache } from "./route-cache.ts";
import { SendMessages } from "./send-messages.ts";
import type { WorkerResources } from "./worker-resources.ts";

const BUFFER_BYTES = 262_144;
const MESSAGES = 256;
/** udp(7): one message may be segmented into 64 datagrams; with headers it must stay below 64 KiB. */
const GROUP_DATAGRAMS = 64;
const GROUP_BYTES = 65_000;
/** Errors of a source address that is no longer ours (net/ipv4/route.c, net/ipv6/datagram.c). */
const SOURCE_ERRORS: ReadonlySet<string> = new Set([
  "EINVAL",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EADDRNOTAVAIL",
  "ENODEV",
]);
/** With this much waiting, a turn sends before it reads more. */
const FULL_BYTES = 60_000;

/** The sockets of a tunnel, -1 where the host lacks the family. */
export interface SendSockets {
  readonly four: number;
  readonly six: number;
  /** Whether a message may carry many datagrams. */
  readonly segments: boolean;
}

export interface SendCounters {
  datagrams: number;
  bytes: number;
  messages: number;
  /** Discarded: no space in the kernel, no route to the peer, or refused. */
  dropped: number;
}

/** Called for every message that the kernel refused, with the errno's name. */
export type SendRefused = (to: Endpoint | undefined, errno: string) => void;

/**
 * Datagrams to be sent. They lie one after another; adjacent ones of equal size to one endpoint form one message, which
 * the kernel or the network card segments (UDP_SEGMENT). What the kernel has no space for stays.
 */
export class SendBatch {
  readonly counters: SendCounters = { datagrams: 0, bytes: 0, messages: 0, dropped: 0 };
  /** The kernel's buffer is full: datagrams wait until the socket is writable. */
  blocked = false;
  readonly #resources: WorkerResources;
  readonly #refused: SendRefused;
  readonly #routes: RouteCache;
  readonly #buffer: number;
  readonly #messages: SendMessages;
  #sockets: SendSockets;
  #used = 0;
  #count = 0;
  #next = 0;
  #six = false;
  #endpoints: (Endpoint | undefined)[] = new Array<Endpoint | undefined>(MESSAGES);
  #segmentBytes = new Int32Array(MESSAGES);
  #groupBytes = new Int32Array(MESSAGES);
  #groupStart = new Int32Array(MESSAGES);
  #groupDatagrams = new Int32Array(MESSAGES);
  #groupOpen = false;

  constructor(resources: WorkerResources, sockets: SendSockets, routes: RouteCache, refused: SendRefused) {
    const { arena } = resources;
    this.#resources = resources;
    this.#sockets = sockets;
    this.#refused = refused;
    this.#routes = routes;
    this.#buffer = arena.reserve(BUFFER_BYTES + PACKET_LEAD_BYTES + PACKET_TAIL_BYTES) + PACKET_LEAD_BYTES;
    this.#messages = new SendMessages(arena, MESSAGES);
  }

  /** Switches to other sockets, which also send the waiting datagrams. */
  useSockets(sockets: SendSockets): void {
    this.#sockets = sockets;
    this.blocked = false;
  }

  get isEmpty(): boolean {
    return this.#count === this.#next;
  }

  /** Whether the waiting datagrams use this socket, once it is writable; the other family's socket always is. */
  awaitsRoomAt(fd: number): boolean {
    return this.blocked && fd === this.#socket;
  }

  /** Whether a turn should send before it reads more. */
  get isFull(): boolean {
    return this.#used >= FULL_BYTES || this.#count >= MESSAGES - 1;
  }

  /** The address for a datagram of `bytes` with its lead and tail; -1 without space: flush, then drop. */
  place(bytes: number): number {
    return this.#used + bytes > BUFFER_BYTES || this.#count >= MESSAGES ? -1 : this.#buffer + this.#used;
  }

  /** Adds the datagram of `bytes` written at `place(bytes)`. */
  add(to: Endpoint, bytes: number, isStranger = false): void {
    const six = to.address.length === 16;
    if (six !== this.#six) {
      const from = this.#buffer + this.#used;
      // One sendmmsg uses one socket, so the other family is sent first.
      if (!this.isEmpty) this.flush();
      if (this.blocked) {
        this.#sendAlone(to, bytes, isStranger);
        return;
      }
      // It is already written; move it to the start of the empty buffer.
      this.#resources.arena.bytes.copyWithin(this.#buffer, from, from + bytes);
      this.#six = six;
    }
    this.counters.datagrams += 1;
    this.counters.bytes += bytes;
    if (this.#joins(to, bytes)) return;
    this.#begin(to, bytes, isStranger);
  }

  /** Copies a finished datagram; false without space. `isStranger`: its destination is not authenticated. */
  addBytes(to: Endpoint, datagram: Uint8Array, isStranger = false): boolean {
    let at = this.place(datagram.length);
    if (at < 0 && !this.blocked) {
      this.flush();
      at = this.place(datagram.length);
    }
    if (at < 0) {
      this.counters.dropped += 1;
      return false;
    }
    this.#resources.arena.bytes.set(datagram, at);
    this.add(to, datagram.length, isStranger);
    return true;
  }

  /** Sends until the kernel has no more space. */
  flush(): void {
    const { calls } = this.#resources;
    this.blocked = false;
    const fd = this.#socket;
    while (this.#next < this.#count) {
      const first = this.#messages.addressOf(this.#next);
      const sent = fd < 0 ? -1 : calls.sendmmsg(fd, first, this.#count - this.#next);
      if (sent > 0) {
        this.#next += sent;
        this.counters.messages += sent;
        continue;
      }
      const errno = fd < 0 ? "EAFNOSUPPORT" : calls.errno();
      if (errno === "EAGAIN") {
        this.blocked = true;
        this.#groupOpen = false;
        return;
      }
      if (errno !== "EINTR") this.#skipRefused(fd, errno);
    }
    this.#used = 0;
    this.#count = 0;
    this.#next = 0;
    this.#groupOpen = false;
  }

  get #socket(): number {
    return this.#six ? this.#sockets.six : this.#sockets.four;
  }

  /** The waiting datagrams are of the other family and stay; this one is sent directly, or discarded. */
  #sendAlone(to: Endpoint, bytes: number, isStranger: boolean): void {
    const { calls } = this.#resources;
    const index = this.#count;
    this.#begin(to, bytes, isStranger);
    this.#count = index;
    this.#used -= bytes;
    this.#groupOpen = false;
    const fd = this.#six ? this.#sockets.four : this.#sockets.six;
    const sent = fd < 0 ? -1 : calls.sendmmsg(fd, this.#messages.addressOf(index), 1);
    this.counters.datagrams += 1;
    this.counters.bytes += bytes;
    if (sent === 1) this.counters.messages += 1;
    else {
      this.counters.dropped += 1;
      this.#refused(to, fd < 0 ? "EAFNOSUPPORT" : calls.errno());
    }
  }

  /** Whether the datagram can join the last message: same endpoint and size, or a smaller last one. */
  #joins(to: Endpoint, bytes: number): boolean {
    const last = this.#count - 1;
    if (!this.#groupOpen || !this.#sockets.segments || this.#endpoints[last] !== to) return false;
    const segment = this.#segmentBytes[last] as number;
    const total = (this.#groupBytes[last] as number) + bytes;
    const datagrams = (this.#groupDatagrams[last] as number) + 1;
    if (bytes > segment || total > GROUP_BYTES || datagrams > GROUP_DATAGRAMS) return false;
    this.#groupBytes[last] = total;
    this.#groupDatagrams[last] = datagrams;
    this.#used += bytes;
    this.#messages.setBytes(last, total);
    if (datagrams === 2) this.#messages.setCut(last, true);
    this.#groupOpen = bytes === segment;
    return true;
  }

  #begin(to: Endpoint, bytes: number, isStranger: boolean): void {
    const index = this.#count;
    const start = this.#buffer + this.#used;
    this.#count += 1;
    this.#endpoints[index] = to;
    this.#segmentBytes[index] = bytes;
    this.#groupBytes[index] = bytes;
    this.#groupDatagrams[index] = 1;
    this.#groupStart[index] = start;
    this.#groupOpen = true;
    const source = isStranger ? this.#routes.sourceForUnauthenticated(to) : this.#routes.sourceFor(to);
    this.#messages.begin(index, to, start, bytes, source);
    this.#used += bytes;
  }

  /** Whether the kernel refused the message's source address; it is sent again without one. */
  #dropsSource(index: number, errno: string, isCut: boolean): boolean {
    const to = this.#endpoints[index];
    if (to === undefined || !this.#messages.hasSource(index) || !SOURCE_ERRORS.has(errno)) return false;
    this.#routes.refuseSource(to);
    this.#messages.dropSource(index, isCut);
    return true;
  }

  /** After a refused message: segments it ourselves if segmentation was the cause, otherwise discards it. */
  #skipRefused(fd: number, errno: string): void {
    const index = this.#next;
    const datagrams = this.#groupDatagrams[index] as number;
    if (errno !== "EINVAL" && this.#dropsSource(index, errno, datagrams > 1)) return;
    if (datagrams === 1 && this.#dropsSource(index, errno, false)) return;
    this.#next += 1;
    // EIO: the card cannot checksum; EINVAL and EMSGSIZE: a segment exceeds the path MTU (udp(7)).
    if (datagrams > 1 && (errno === "EIO" || errno === "EINVAL" || errno === "EMSGSIZE")) {
      // The route's MTU may have shrunk since it was sealed.
      if (errno !== "EIO") this.#routes.forget();
      if (errno === "EIO") this.#sockets = { ...this.#sockets, segments: false };
      this.#sendSingly(fd, index);
      return;
    }
    this.counters.dropped += datagrams;
    this.#refused(this.#endpoints[index], errno);
  }

  #sendSingly(fd: number, index: number): void {
    const { calls } = this.#resources;
    const messages = this.#messages;
    const segment = this.#segmentBytes[index] as number;
    const start = this.#groupStart[index] as number;
    const total = this.#groupBytes[index] as number;
    messages.setCut(index, false);
    let lastErrno = "";
    for (let at = 0; at < total; at += segment) {
      messages.setPiece(index, start + at, Math.min(segment, total - at));
      if (calls.sendmmsg(fd, messages.addressOf(index), 1) === 1) continue;
      const errno = calls.errno();
      if (this.#dropsSource(index, errno, false)) {
        at -= segment;
        continue;
      }
      lastErrno = errno;
      this.counters.dropped += 1;
    }
    if (lastErrno !== "" && lastErrno !== "EAGAIN") this.#refused(this.#endpoints[index], lastErrno);
  }
}
