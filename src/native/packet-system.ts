import type { Arena } from "./memory/arena.ffi.ts";

/** A UDP address as the engine names it: 4 or 16 bytes, port, interface of a link-local address. */
export interface UdpAddress {
  readonly address: Uint8Array;
  readonly port: number;
  readonly scope: number;
}

/** The calls of the packet loop; addresses are numbers, results -1 with `errno()` on failure. */
export interface PacketCalls {
  /** poll(2) over `count` struct pollfd. */
  poll(fds: number, count: number, timeoutMs: number): number;
  /** One packet from a TUN device, and one to it; `PreparedTun.headerBytes` before the packet belong to it. */
  read(fd: number, into: number, bytes: number): number;
  write(fd: number, from: number, bytes: number): number;
  /** writev(2) over `count` struct iovec: one packet in pieces, to a device whose `offload` says that it takes such. */
  writev(fd: number, vector: number, count: number): number;
  /**
   * Sends and receives over `count` messages as Linux lays them out (struct mmsghdr, sockaddr_in and sockaddr_in6 of
   * sendmmsg(2)), never waiting; gives how many.
   */
  sendmmsg(fd: number, messages: number, count: number): number;
  recvmmsg(fd: number, messages: number, count: number): number;
  /** Milliseconds since boot, time asleep included: sessions age while a laptop sleeps. */
  bootTimeMs(): number;
  /** The name of the last failed call's errno. */
  errno(): string;
}

export interface PreparedTun {
  readonly name: string;
  /** Bytes in front of each packet: 10 of virtio, or 0 when the device has no such header. */
  readonly headerBytes: number;
  /** The offloads in force, out of Linux's OFFLOAD_LEVELS; 0 without a header. */
  readonly offload: number;
}

/** How the kernel would send to an address now. */
export interface RouteInfo {
  /** The least MTU it knows of on the way. */
  readonly mtuBytes: number;
  /** The address of ours it would send from, 4 or 16 bytes; undefined where that is not asked. */
  readonly source?: Uint8Array;
}

/** An interface that a tunnel's socket of one family is tied to. */
export interface BoundInterface {
  readonly index: number;
  readonly mtuBytes: number;
}

/** What of a tunnel's sockets decides by which way their datagrams go. */
export interface RoutingSettings {
  /** SO_MARK; 0: none. */
  readonly mark: number;
  /** Where sockets are tied to interfaces (macOS), that of each family. */
  readonly boundTo?: { readonly four?: BoundInterface; readonly six?: BoundInterface };
}

export interface PacketSocketOptions {
  readonly family: 4 | 6;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** SO_MARK of what is sent; 0 or absent: none. Only Linux has it. */
  readonly mark?: number;
  /** Whose uid and gid the socket bears; this process's by default. Only Linux can give others. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Wanted room for bursts in either direction. */
  readonly bufferBytes?: number;
  /** False: neither segmentation on sending nor coalescing on receiving, whatever the kernel can. */
  readonly offload?: boolean;
  /** Index of the interface that it sends by; the machine's routes decide by default. Only on macOS. */
  readonly boundTo?: number;
}

/** An open UDP socket that never waits. */
export interface PacketSocket extends Disposable {
  readonly fd: number;
  readonly port: number;
  /** Whether one message may carry many datagrams of equal size. */
  readonly segments: boolean;
  /** Whether received datagrams of one flow come joined. */
  readonly coalesces: boolean;
}

/** A descriptor by which one thread wakes another out of poll. */
export interface Wake extends Disposable {
  readonly fd: number;
  /** Makes the descriptor readable. */
  wake(): void;
}

/** All that the data plane asks of an operating system. */
export interface PacketSystem {
  /** Declares the loop's calls, over what lies in `arena`. */
  packetCalls(arena: Arena): PacketCalls;
  /** Makes an open TUN descriptor ready for the loop; `most`: the offloads to use at most. Throws AwgError. */
  prepareTun(fd: number, most?: number): PreparedTun;
  /** Makes and binds a UDP socket. Throws AwgError with `facts.errno`. */
  openSocket(options: PacketSocketOptions): PacketSocket;
  /** The kernel's way to an address; undefined where there is none, or nobody knows. */
  lookUpRoute(to: UdpAddress, settings: RoutingSettings): RouteInfo | undefined;
  /** Throws AwgError when the process has no descriptor left. */
  openWake(): Wake;
  /** Takes what `wake` put in, so that the descriptor is not readable any more. */
  drainWake(fd: number): void;
}
