import { AwgError } from "../../model/error.ts";
import type { ArenaPart } from "../../native/memory/arena.ffi.ts";
import type { PlaneEvent, TunnelSettings } from "../contract.ts";
import { Tunnel } from "./tunnel.ts";
import type { WorkerResources } from "./worker-resources.ts";

const POLLIN = 1;
const POLLOUT = 4;
const POLLERR_OR_GONE = 0x8 | 0x10 | 0x20;
const POLL_BYTES = 8;
/** The worker checks its messages and its stop flag at least this often. */
const LONGEST_WAIT_MS = 1000;
/** A longer pause between turns means that the host slept or the process was stopped. */
const STILL_MS = 5000;
const FDS_A_TUNNEL = 3;
const MOST_TUNNELS = 64;
/** A send buffer with its message headers, eight flows, a header template. */
const TUNNEL_BYTES = 344_064;

/**
 * One thread's loop over all its tunnels: wait, read, seal, send, receive, open, write. It blocks only in poll. A full
 * socket stops reading from its own tunnel's device only.
 */
export class Loop {
  readonly tunnels = new Map<string, Tunnel>();
  readonly #resources: WorkerResources;
  readonly #emit: (event: PlaneEvent) => void;
  readonly #wakeFd: number;
  readonly #fds: number;
  readonly #parts = new Map<string, ArenaPart>();
  readonly #freeParts: ArenaPart[] = [];
  #list: readonly Tunnel[] = [];
  #turnedAt = Number.POSITIVE_INFINITY;

  constructor(resources: WorkerResources, wakeFd: number, emit: (event: PlaneEvent) => void) {
    this.#resources = resources;
    this.#wakeFd = wakeFd;
    this.#emit = emit;
    this.#fds = resources.arena.reserve((1 + FDS_A_TUNNEL * MOST_TUNNELS) * POLL_BYTES);
  }

  /** Adds a tunnel. @throws AwgError as `Tunnel`'s parts do. */
  add(settings: TunnelSettings, now: number): Tunnel {
    if (this.tunnels.size === MOST_TUNNELS) {
      throw new AwgError("unsupported", `one data plane carries at most ${MOST_TUNNELS} tunnels`);
    }
    const part = this.#freeParts.pop() ?? this.#resources.arena.part(TUNNEL_BYTES);
    try {
      const tunnel = new Tunnel({ ...this.#resources, arena: part }, settings, now, this.#emit);
      this.tunnels.set(settings.name, tunnel);
      this.#parts.set(settings.name, part);
      this.#list = [...this.tunnels.values()];
      return tunnel;
    } catch (error) {
      part.reset();
      this.#freeParts.push(part);
      throw error;
    }
  }

  /** Closes a tunnel; false if there is none of this name. */
  remove(name: string): boolean {
    const tunnel = this.tunnels.get(name);
    tunnel?.close();
    this.tunnels.delete(name);
    const part = this.#parts.get(name);
    part?.reset();
    if (part !== undefined) this.#freeParts.push(part);
    this.#parts.delete(name);
    this.#list = [...this.tunnels.values()];
    return tunnel !== undefined;
  }

  /** One turn: waits for events, unless `atOnce`, and handles them. True: another thread woke the loop. */
  turn(atOnce = false): boolean {
    const { calls, arena } = this.#resources;
    const count = this.#fillFds();
    const ready = calls.poll(arena.base + this.#fds, count, atOnce ? 0 : this.#waitMs());
    const now = calls.bootTimeMs();
    if (now - this.#turnedAt >= STILL_MS) for (const tunnel of this.#list) tunnel.stoodStill(this.#turnedAt, now);
    this.#turnedAt = now;
    if (ready > 0) {
      for (let index = 0; index < this.#list.length; index += 1) this.#serve(this.#list[index] as Tunnel, index, now);
    }
    for (let index = 0; index < this.#list.length; index += 1) (this.#list[index] as Tunnel).tick(now);
    return ready > 0 && this.#eventsAt(0) !== 0;
  }

  #serve(tunnel: Tunnel, index: number, now: number): void {
    const first = 1 + FDS_A_TUNNEL * index;
    const device = this.#eventsAt(first);
    const four = this.#eventsAt(first + 1);
    const six = this.#eventsAt(first + 2);
    if (((four | six) & POLLOUT) !== 0) tunnel.socketWritable();
    if ((device & (POLLIN | POLLERR_OR_GONE)) !== 0) tunnel.fromDevice(now);
    if ((four & ~POLLOUT) !== 0) tunnel.fromSocket(tunnel.sockets.four, now);
    if ((six & ~POLLOUT) !== 0) tunnel.fromSocket(tunnel.sockets.six, now);
  }

  #fillFds(): number {
    this.#setFd(0, this.#wakeFd, POLLIN);
    let at = 1;
    for (let index = 0; index < this.#list.length; index += 1) {
      const tunnel = this.#list[index] as Tunnel;
      const { batch, sockets } = tunnel;
      this.#setFd(at, tunnel.gone || batch.blocked ? -1 : tunnel.tun.fd, POLLIN);
      this.#setFd(at + 1, sockets.four, batch.awaitsRoomAt(sockets.four) ? POLLIN | POLLOUT : POLLIN);
      this.#setFd(at + 2, sockets.six, batch.awaitsRoomAt(sockets.six) ? POLLIN | POLLOUT : POLLIN);
      at += FDS_A_TUNNEL;
    }
    return at;
  }

  /** poll(2) ignores negative descriptors. */
  #setFd(index: number, fd: number, events: number): void {
    const { view } = this.#resources.arena;
    view.setInt32(this.#fds + index * POLL_BYTES, fd, true);
    view.setUint32(this.#fds + index * POLL_BYTES + 4, events, true);
  }

  #eventsAt(index: number): number {
    return this.#resources.arena.view.getUint16(this.#fds + index * POLL_BYTES + 6, true);
  }

  #waitMs(): number {
    const now = this.#resources.calls.bootTimeMs();
    let wait = LONGEST_WAIT_MS;
    for (let index = 0; index < this.#list.length; index += 1) {
      wait = Math.min(wait, (this.#list[index] as Tunnel).waitMs(now));
    }
    return Math.ceil(wait);
  }
}
