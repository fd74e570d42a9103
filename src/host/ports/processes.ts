import type { ProcessKey, Program } from "../../model/program/program.ts";

/** One endpoint of a socket. */
export interface SocketEnd {
  /** Canonical text; IPv4-mapped addresses of IPv6 sockets in dotted form. */
  readonly address: string;
  readonly port: number;
}

/** Identifies a socket by its addresses, as in a packet seen from this host. */
export interface SocketTuple {
  readonly protocol: "tcp" | "udp";
  readonly local: SocketEnd;
  /** Absent for a listening or unconnected socket. */
  readonly remote?: SocketEnd;
}

/** The owner and the holders of a socket. */
export interface SocketOwner {
  /** The user that created it. */
  readonly uid: number;
  /**
   * The processes that hold it, by ascending pid: at least one where any is visible, and all visible ones of a shared
   * socket. Each held it at the time of the query; a reused pid is never confused with its predecessor.
   */
  readonly holders: readonly ProcessKey[];
  /** The program for which a system service uses the socket (macOS); its traffic is judged as that program's. */
  readonly behalf?: ProcessKey;
}

export interface OwnedSocket extends SocketTuple, SocketOwner {}

/** All processes, and a sentence for each part that could not be seen. */
export interface ProcessList {
  readonly programs: readonly Program[];
  readonly unseen: readonly string[];
}

export interface SocketList {
  readonly sockets: readonly OwnedSocket[];
  /** Pids of processes with unreadable sockets; any of them may hold a socket without holders. */
  readonly closed: ReadonlySet<number>;
  readonly unseen: readonly string[];
}

/** A TCP connection with what it carried since it began. */
export interface MeasuredConnection extends OwnedSocket {
  readonly protocol: "tcp";
  readonly remote: SocketEnd;
  /** Identifies it for good, as long as the host runs. */
  readonly id: string;
  /** Payload that the other end acknowledged. */
  readonly sentBytes: number;
  /** Payload that arrived in order. */
  readonly receivedBytes: number;
}

export interface TrafficList {
  readonly connections: readonly MeasuredConnection[];
  /** The kernel counts no bytes of them. */
  readonly udp: readonly OwnedSocket[];
  readonly unseen: readonly string[];
}

/** A process executed another program, or ended. `missed`: events were lost; list again. */
export type ProcessEvent = { readonly what: "started" | "ended"; readonly pid: number } | { readonly what: "missed" };

/**
 * The processes of the host. All methods only read, work for every user as far as the system permits, and report what
 * they could not see. A process that ends meanwhile is left out and never confused with its successor.
 */
export interface ProcessPort {
  /** All processes that the rules of this host, or of this network namespace, apply to. */
  list(): ProcessList;
  /** The process with this pid; undefined when there is none. */
  read(pid: number): Program | undefined;
  /** Whether this very process still runs. */
  isAlive(process: ProcessKey): boolean;
  /**
   * The owner of a TCP or UDP socket; undefined where there is no such socket. Answers are cached for OWNER_TTL_MS.
   */
  ownerOf(tuple: SocketTuple): SocketOwner | undefined;
  /** Every TCP and UDP socket of this host (on Linux: of this network namespace). */
  sockets(): SocketList;
  /** The connections with their bytes. Absent where the system does not count them. */
  readonly traffic?: () => TrafficList;
  /**
   * Reports programs that start and end, until disposed. An event is a wake-up only: read the process again.
   *
   * @throws AwgError("permission" | "unsupported") where the system gives this process no events.
   */
  watch(onEvent: (event: ProcessEvent) => void): AsyncDisposable;
}

/** How long an answer of `ownerOf` is cached. */
export const OWNER_TTL_MS = 300;
