import type { ProcessKey, Program } from "../../model/program/program.ts";

/** One end of a socket. */
export interface SocketEnd {
  /** Canonical text; IPv4 addresses that a socket of IPv6 uses are dotted. */
  readonly address: string;
  readonly port: number;
}

/** What names a socket from outside: as a packet would carry it, seen from this machine. */
export interface SocketTuple {
  readonly protocol: "tcp" | "udp";
  readonly local: SocketEnd;
  /** Absent for a socket that listens or was never connected. */
  readonly remote?: SocketEnd;
}

/** Who a socket belongs to. */
export interface SocketOwner {
  /** Whose rights it was made with. */
  readonly uid: number;
  /**
   * Who holds it, the lowest number first: at least one where any can be seen, and of a socket that is shared those that
   * were seen to. Each held it when it was asked; none is mistaken for an earlier process of its number.
   */
  readonly holders: readonly ProcessKey[];
  /** The program on whose behalf a service of the system uses it (macOS): what its traffic is to be judged by. */
  readonly behalf?: ProcessKey;
}

export interface OwnedSocket extends SocketTuple, SocketOwner {}

/** A look at all processes, and what of them could not be seen, each a sentence for people. */
export interface ProcessList {
  readonly programs: readonly Program[];
  readonly unseen: readonly string[];
}

export interface SocketList {
  readonly sockets: readonly OwnedSocket[];
  /** Numbers of processes whose sockets could not be read, so that they may hold any of those without holders. */
  readonly closed: ReadonlySet<number>;
  readonly unseen: readonly string[];
}

/** A process runs another program now (exec), or ended. `missed`: more happened than could be told; list afresh. */
export type ProcessEvent = { readonly what: "started" | "ended"; readonly pid: number } | { readonly what: "missed" };

/**
 * The processes of the machine. Everything here only reads, works for every user as far as the system lets them see,
 * and says what they could not. A process that ends meanwhile is left out, never mixed up with its successor.
 */
export interface ProcessPort {
  /** All processes that the rules of this machine, or of this network namespace, reach. */
  list(): ProcessList;
  /** The process of that number as it is now; undefined when there is none. */
  read(pid: number): Program | undefined;
  /** Whether exactly this process still runs. */
  isAlive(process: ProcessKey): boolean;
  /** Who holds a TCP or UDP socket; undefined where there is no such socket. Answers are kept for 300 ms. */
  ownerOf(tuple: SocketTuple): SocketOwner | undefined;
  /** Every TCP and UDP socket of this machine (on Linux: of this network namespace). */
  sockets(): SocketList;
  /**
   * Tells of programs that start and end, until disposed. An event only wakes: read the process afresh.
   *
   * @throws AwgError("permission" | "unsupported") where the system does not tell this process.
   */
  watch(onEvent: (event: ProcessEvent) => void): AsyncDisposable;
}

/** For how long an answer of `ownerOf` may be given again. */
export const OWNER_TTL_MS = 300;
