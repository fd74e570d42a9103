import type { Arena } from "./memory/arena.ffi.ts";

/** A UDP address as the engine stores it: 4 or 16 bytes, port, interface of a link-local address. */
export interface UdpAddress {
  readonly address: Uint8Array;
  readonly port: number;
  readonly scope: number;
}

/** The calls of the packet loop; addresses are numbers, results -1 with `errno()` on failure. */
export interface PacketCalls {
  /** poll(2) over `count` struct pollfd. */
  poll(fds: number, count: number, timeoutMs: number): number;
  /** Reads one packet from a TUN device, or writes one; `PreparedTun.headerBytes` before the packet are its header. */
  read(fd: number, into: number, bytes: number): number;
  write(fd: number, from: number, bytes: number): number;
  /** writev(2) over `count` struct iovec: one packet in pieces, to a device that accepts it by `offload`. */
  writev(fd: number, vector: number, count: number): number;
  /**
   * Sends or receives `count` messages in Linux's layout (struct mmsghdr, sockaddr_in and sockaddr_in6 of sendmmsg(2))
   * without waiting; returns how many.
   */
  sendmmsg(fd: number, messages: number, count: number): number;
  recvmmsg(fd: number, messages: number, count: number): number;
  /** Milliseconds since boot, including sleep: sessions expire while a laptop sleeps. */
  bootTimeMs(): number;
  /** The name of the last failed call's errno. */
  errno(): string;
}

export interface PreparedTun {
  readonly name: string;
  /** Bytes before each packet: 10 of virtio, or 0 without such a header. */
  readonly headerBytes: number;
  /** The active offloads, of Linux's OFFLOAD_LEVELS; 0 without a header. */
  readonly offload: number;
}

/** The kernel's current route to an address. */
export interface RouteInfo {
  /** The smallest known MTU of the path. */
  readonly mtuBytes: number;
  /** The source address it would use, 4 or 16 bytes; undefined where it is not read. */
  readonly source?: Uint8Array;
}

/** An interface to which a tunnel's socket of one family is bound. */
export interface BoundInterface {
  readonly index: number;
  readonly mtuBytes: number;
}

/** The socket settings that decide the route of a tunnel's datagrams. */
export interface RoutingSettings {
  /** SO_MARK; 0: none. */
  readonly mark: number;
  /** The interface of each family, where sockets are bound to interfaces (macOS). */
  readonly boundTo?: { readonly four?: BoundInterface; readonly six?: BoundInterface };
}

export interface PacketSocketOptions {
  readonly family: 4 | 6;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** SO_MARK; 0 or absent: none. Linux only. */
  readonly mark?: number;
  /** The owner of the socket; this process's user by default. Other users only on Linux. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Requested buffer size for bursts, in each direction. */
  readonly bufferBytes?: number;
  /** False: no segmentation on sending and no coalescing on receiving, even if the kernel supports it. */
  readonly offload?: boolean;
  /** Index of the interface to bind to; by default the host's routes decide. macOS only. */
  readonly boundTo?: number;
}

/** An open non-blocking UDP socket. */
export interface PacketSocket extends Disposable {
  readonly fd: number;
  readonly port: number;
  /** Whether one message may carry many datagrams of equal size. */
  readonly segments: boolean;
  /** Whether received datagrams of one flow are joined. */
  readonly coalesces: boolean;
}

/** A descriptor by which one thread wakes another out of poll. */
export interface Wake extends Disposable {
  readonly fd: number;
  /** Makes the descriptor readable. */
  wake(): void;
}

/** The data plane's system calls, per operating system. */
export interface PacketSystem {
  /** Declares the loop's calls, on memory in `arena`. */
  packetCalls(arena: Arena): PacketCalls;
  /** Prepares an open TUN descriptor for the loop; `most`: the offloads to use at most. Throws AwgError. */
  prepareTun(fd: number, most?: number): PreparedTun;
  /** Opens and binds a UDP socket. Throws AwgError with `facts.errno`. */
  openSocket(options: PacketSocketOptions): PacketSocket;
  /** The kernel's route to an address; undefined without one, or where it is unknown. */
  lookUpRoute(to: UdpAddress, settings: RoutingSettings): RouteInfo | undefined;
  /** Throws AwgError when the process has no descriptor left. */
  openWake(): Wake;
  /** Resets the descriptor, so that it is no longer readable. */
  drainWake(fd: number): void;
}
