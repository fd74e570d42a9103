import type { PreparedTun } from "../../native/packet-system.ts";
import { fold } from "../packet/checksum.ts";
import { FLOW_PARTS, Flow, hasGoodChecksums, readShape, type Shape } from "../packet/flow.ts";
import {
  IPV6_BYTES,
  PSH,
  pseudoSum,
  TCP,
  TCP_CHECKSUM_AT,
  UDP_CHECKSUM_AT,
  writeIpv4Checksum,
} from "../packet/inner-header.ts";
import { CUT, VIRTIO_HEADER_BYTES, writeVirtioHeader } from "../packet/virtio-header.ts";
import { VECTOR_BYTES, type WorkerResources, writePointer } from "./worker-resources.ts";

const FLOWS = 8;
/** TUN_F_TSO4 and TSO6, TUN_F_USO4 and USO6: a device that accepts joined packets also delivers them. */
const JOINS_TCP = 0x6;
const JOINS_UDP = 0x60;

export interface TunWriteCounters {
  packets: number;
  bytes: number;
  writes: number;
  dropped: number;
}

/** Called for every packet that the device refused, with the errno's name. */
export type WriteRefused = (errno: string) => void;

/**
 * Decrypted packets to write to the TUN device. Those of one TCP or UDP flow that follow each other are written as one
 * packet of up to 64 KiB, without a copy: the kernel's own cost is a packet, not a byte. Order within a flow is kept.
 * Packets stay where they are until `flush`; ten bytes before each must be free for the virtio header.
 */
export class TunWriter {
  readonly counters: TunWriteCounters = { packets: 0, bytes: 0, writes: 0, dropped: 0 };
  readonly #resources: WorkerResources;
  readonly #tun: PreparedTun & { readonly fd: number };
  readonly #refused: WriteRefused;
  readonly #flows: Flow[];
  readonly #shape: Shape = {
    at: 0,
    length: 0,
    ipBytes: 0,
    protocol: 0,
    headerBytes: 0,
    payloadBytes: 0,
    sequence: 0,
    pushed: false,
    joinable: false,
  };
  #joinsTcp: boolean;
  #joinsUdp: boolean;
  #oldest = 0;
  #waiting = 0;

  constructor(resources: WorkerResources, tun: PreparedTun & { readonly fd: number }, refused: WriteRefused) {
    this.#resources = resources;
    this.#tun = tun;
    this.#refused = refused;
    this.#flows = Array.from({ length: FLOWS }, () => new Flow(resources.arena.reserve(FLOW_PARTS * VECTOR_BYTES)));
    this.#joinsTcp = (tun.offload & JOINS_TCP) === JOINS_TCP;
    this.#joinsUdp = (tun.offload & JOINS_UDP) === JOINS_UDP;
  }

  /** Adds an inner packet of `length` bytes at `at`; it is written now or at the next `flush`. */
  add(at: number, length: number): void {
    const { arena, sum } = this.#resources;
    const { view } = arena;
    const shape = this.#shape;
    this.counters.packets += 1;
    this.counters.bytes += length;
    if (!readShape(view, at, length, shape)) {
      this.#writeOne(at, length);
      return;
    }
    const flow = this.#waiting === 0 ? undefined : this.#flowOf(view, shape);
    const joins = shape.joinable && (shape.protocol === TCP ? this.#joinsTcp : this.#joinsUdp);
    if (!joins || !hasGoodChecksums(sum, shape)) {
      if (flow !== undefined) this.#write(flow);
      this.#writeOne(at, length);
      return;
    }
    if (flow?.accepts(view, shape) === true) {
      flow.append(view, arena.base, shape);
      return;
    }
    if (flow !== undefined) this.#write(flow);
    this.#free(flow).begin(shape);
    this.#waiting += 1;
  }

  /** Writes all waiting packets. */
  flush(): void {
    if (this.#waiting === 0) return;
    for (const flow of this.#flows) if (flow.parts > 0) this.#write(flow);
  }

  #flowOf(view: DataView, shape: Shape): Flow | undefined {
    for (let index = 0; index < FLOWS; index += 1) {
      const flow = this.#flows[index] as Flow;
      if (flow.isOf(view, shape)) return flow;
    }
    return undefined;
  }

  /** The flow just written, else an empty one, else the oldest, which is written first. */
  #free(written: Flow | undefined): Flow {
    if (written !== undefined) return written;
    for (let index = 0; index < FLOWS; index += 1) {
      const flow = this.#flows[index] as Flow;
      if (flow.parts === 0) return flow;
    }
    const flow = this.#flows[this.#oldest] as Flow;
    this.#oldest = (this.#oldest + 1) % FLOWS;
    this.#write(flow);
    return flow;
  }

  #write(flow: Flow): void {
    this.#waiting -= 1;
    if (flow.parts === 1) this.#writeOne(flow.at, flow.length);
    else this.#writeJoined(flow);
    flow.parts = 0;
  }

  #writeOne(at: number, length: number): void {
    const { arena, calls } = this.#resources;
    const header = this.#tun.headerBytes;
    if (header > 0) writeVirtioHeader(arena.view, at - header, CUT.none, 0, 0, 0, 0);
    this.counters.writes += 1;
    if (calls.write(this.#tun.fd, arena.base + at - header, length + header) !== -1) return;
    this.counters.dropped += 1;
    this.#refused(calls.errno());
  }

  #writeJoined(flow: Flow): void {
    const { arena, calls, sum } = this.#resources;
    const { view } = arena;
    const { at, ipBytes, headerBytes, protocol } = flow;
    const six = ipBytes === IPV6_BYTES;
    const l4 = at + ipBytes;
    const payload = flow.length - ipBytes;
    const field = protocol === TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
    const tcpKind = six ? CUT.tcp6 : CUT.tcp4;
    if (six) view.setUint16(at + 4, payload);
    else {
      view.setUint16(at + 2, flow.length);
      writeIpv4Checksum(view, sum, at);
    }
    if (protocol === TCP) {
      if (flow.pushed) view.setUint8(l4 + 13, view.getUint8(l4 + 13) | PSH);
    } else view.setUint16(l4 + 4, payload);
    view.setUint16(l4 + field, fold(pseudoSum(sum, at, six, protocol, payload)), true);
    const start = at - VIRTIO_HEADER_BYTES;
    const kind = protocol === TCP ? tcpKind : CUT.udp;
    writeVirtioHeader(view, start, kind, headerBytes, flow.segmentBytes, ipBytes, field);
    writePointer(arena, flow.vectors, start);
    view.setUint32(flow.vectors + 8, VIRTIO_HEADER_BYTES + headerBytes + flow.segmentBytes, true);
    this.counters.writes += 1;
    if (calls.writev(this.#tun.fd, arena.base + flow.vectors, flow.parts) !== -1) return;
    const errno = calls.errno();
    // If the kernel refuses joined packets, stop joining; TCP sends the lost data again.
    if (errno === "EINVAL" && protocol === TCP) this.#joinsTcp = false;
    if (errno === "EINVAL" && protocol !== TCP) this.#joinsUdp = false;
    this.counters.dropped += flow.parts;
    this.#refused(errno);
  }
}
