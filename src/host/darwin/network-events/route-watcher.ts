import { AwgError } from "../../../model/error.ts";
import { checkedCall, readSysctl } from "../../../native/darwin/calls.ts";
import { SOCKET, SYSCTL } from "../../../native/darwin/constants.ts";
import { darwinErrnoName, darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { decodeInterfaceList } from "../../../native/darwin/link/interface-message.codec.ts";
import { cutMessages, type MessageFrame } from "../../../native/darwin/route/message-frames.codec.ts";

/** One read returns one message; the longest has a header and all eight addresses. */
const READ_BYTES = 4096;
/** The default of 8192 bytes overflows silently in a burst (raw_input of bsd/net/raw_usrreq.c). */
const RECEIVE_BYTES = 512 * 1024;
/** Limits one check; the rest is read at the next. */
const MOST_READS = 4096;

/** The messages since the last check. */
export interface ReadMessages {
  readonly frames: readonly MessageFrame[];
  /** The socket was closed, as after sleep, so anything may have changed. */
  readonly reopened: boolean;
  /** Why a message could not be read; the others are in `frames`. */
  readonly unread?: AwgError;
}

/** A routing socket that only receives. It is opened again when the kernel shuts it down (ENOTCONN across sleep). */
export class RouteWatcher {
  readonly #system: LibSystem;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Undefined while it cannot be opened. */
  #fd: number | undefined;
  #names: ReadonlyMap<number, string> = new Map();
  /** Whether messages arrived since the names were read: the kernel reuses a free index for the next interface. */
  #areNamesOld = false;

  constructor(system: LibSystem) {
    this.#system = system;
    this.#fd = this.#open();
  }

  /**
   * Returns all received messages without waiting.
   *
   * @throws AwgError("host") while the socket cannot be opened; each call tries again.
   */
  read(): ReadMessages {
    const frames: MessageFrame[] = [];
    let unread: AwgError | undefined;
    if (this.#fd === undefined) return { frames, reopened: this.#reopen() };
    for (let reads = 0; reads < MOST_READS; reads++) {
      const { value, errno } = this.#system.read(this.#fd, this.#buffer);
      if (value > 0) {
        this.#areNamesOld = true;
        const read = messagesIn(this.#buffer.slice(0, value));
        if (read instanceof AwgError) unread ??= read;
        else frames.push(...read);
      } else if (value === 0) return { frames, reopened: this.#reopen() };
      else if (darwinErrnoName(errno) === "EAGAIN") break;
      else if (darwinErrnoName(errno) === "ENOTCONN") return { frames, reopened: this.#reopen() };
      else if (darwinErrnoName(errno) !== "EINTR") {
        this.close();
        throw darwinError("reading the routing socket", errno);
      }
    }
    return { frames, reopened: false, ...(unread === undefined ? {} : { unread }) };
  }

  /**
   * The name of an interface, by a list not older than the messages; a removed one keeps its last name. Undefined for
   * an unknown index.
   */
  nameOf(index: number): string | undefined {
    const known = this.#names.get(index);
    if (index === 0 || (known !== undefined && !this.#areNamesOld)) return known;
    const mib = [SYSCTL.CTL_NET, SOCKET.PF_ROUTE, 0, 0, SYSCTL.NET_RT_IFLIST2, 0];
    const list = decodeInterfaceList(readSysctl(this.#system, "reading the interfaces", mib));
    this.#names = new Map([...this.#names, ...list.map(({ index: number, name }) => [number, name] as const)]);
    this.#areNamesOld = false;
    return this.#names.get(index);
  }

  close(): void {
    if (this.#fd !== undefined) this.#system.close(this.#fd);
    this.#fd = undefined;
  }

  #reopen(): boolean {
    this.close();
    this.#fd = this.#open();
    return true;
  }

  #open(): number {
    const action = "opening a routing socket to listen";
    const system = this.#system;
    const fd = checkedCall(action, system.socket(SOCKET.PF_ROUTE, SOCKET.SOCK_RAW, SOCKET.AF_UNSPEC));
    try {
      const room = new Uint8Array(4);
      new DataView(room.buffer).setUint32(0, RECEIVE_BYTES, true);
      checkedCall(action, system.setsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF, room));
      checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
      checkedCall(action, system.fcntl(fd, SOCKET.F_SETFL, SOCKET.O_NONBLOCK));
      return fd;
    } catch (error) {
      system.close(fd);
      throw error;
    }
  }
}

function messagesIn(bytes: Uint8Array): MessageFrame[] | AwgError {
  try {
    return cutMessages(bytes);
  } catch (error) {
    if (error instanceof AwgError) return error;
    throw error;
  }
}
