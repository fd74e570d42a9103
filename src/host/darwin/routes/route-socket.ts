import type { Family } from "../../../model/ip.ts";
import { checkedCall, readSysctl } from "../../../native/darwin/calls.ts";
import { ROUTE, SOCKET, SYSCTL } from "../../../native/darwin/constants.ts";
import { darwinErrnoName, darwinError } from "../../../native/darwin/errno.ts";
import type { CallResult, LibSystem } from "../../../native/darwin/libsystem.ts";
import { cutMessages } from "../../../native/darwin/route/message-frames.codec.ts";
import {
  decodeRouteMessage,
  encodeRouteRequest,
  type RouteMessage,
  type RouteRequest,
} from "../../../native/darwin/route/route-message.codec.ts";

/** A routing socket for writing only; another one watches. */
export interface RouteSocket extends Disposable {
  /** Writes one message; errno has the kernel's result. */
  write(request: Omit<RouteRequest, "pid" | "sequence">): CallResult;
}

/** rtm_seq is signed, and the kernel uses 0. */
const MOST_SEQUENCES = 0x7fff_ffff;
/**
 * One counter per process: watchers recognise our changes by pid and sequence. It starts at a random value, because the
 * kernel reuses pids.
 */
const own = { first: 1 + Math.floor(Math.random() * MOST_SEQUENCES), count: 0 };
/** A separate counter for lookups; their replies also differ by type. */
let lastQuestion = 0;

/** Opens a routing socket that does not receive its own writes, so that they do not fill its buffer. */
export function openRouteSocket(system: LibSystem): RouteSocket {
  const action = "opening the routing socket";
  const fd = checkedCall(action, system.socket(SOCKET.PF_ROUTE, SOCKET.SOCK_RAW, 0));
  try {
    checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
    checkedCall(action, system.setsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_USELOOPBACK, new Uint8Array(4)));
  } catch (error) {
    system.close(fd);
    throw error;
  }
  return {
    write: (request) => {
      const sequence = takeSequence();
      return system.write(fd, encodeRouteRequest({ ...request, pid: system.getpid(), sequence }));
    },
    [Symbol.dispose]: () => void system.close(fd),
  };
}

/** Whether a change of this process used that sequence; with our pid the change was ours. */
export function isOwnSequence(sequence: number): boolean {
  return sequence > 0 && (sequence - own.first + MOST_SEQUENCES) % MOST_SEQUENCES < own.count;
}

function takeSequence(): number {
  const sequence = 1 + ((own.first - 1 + own.count) % MOST_SEQUENCES);
  own.count += 1;
  return sequence;
}

/** The default of 8192 bytes could be filled by other programs' messages before the reply. */
const ANSWER_ROOM_BYTES = 512 * 1024;
/** The longest message has a header and all eight addresses. */
const READ_BYTES = 4096;
/** Limit of other messages before the reply. */
const MOST_READS = 4096;

/** Looks up single routes in the kernel (RTM_GET), which needs no rights; the longest match wins, as for a packet. */
export interface RouteLookups extends Disposable {
  /**
   * The route of a packet to this address; undefined when there is none.
   *
   * @param scope index of the interface that the packet is bound to; 0 for an unbound one
   * @throws AwgError as the kernel says, or ("host") when its reply cannot be read
   */
  lookUp(family: Family, address: string, scope: number): RouteMessage | undefined;
}

/**
 * Opens a routing socket for lookups: the kernel replies before the write returns, and the reply is recognised by pid
 * and sequence (darwin-notes section 3).
 */
export function openRouteLookups(system: LibSystem): RouteLookups {
  const action = "looking up a route";
  const fd = checkedCall(action, system.socket(SOCKET.PF_ROUTE, SOCKET.SOCK_RAW, SOCKET.AF_UNSPEC));
  using opening = new DisposableStack();
  opening.defer(() => void system.close(fd));
  const room = new Uint8Array(4);
  new DataView(room.buffer).setUint32(0, ANSWER_ROOM_BYTES, true);
  checkedCall(action, system.setsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF, room));
  checkedCall(action, system.fcntl(fd, SOCKET.F_SETFD, SOCKET.FD_CLOEXEC));
  checkedCall(action, system.fcntl(fd, SOCKET.F_SETFL, SOCKET.O_NONBLOCK));
  const open = opening.move();
  const buffer = new Uint8Array(READ_BYTES);
  const answerTo = (sequence: number): RouteMessage | undefined => {
    let unread: unknown;
    for (let reads = 0; reads < MOST_READS; reads++) {
      const { value } = system.read(fd, buffer);
      if (value <= 0) break;
      try {
        const answer = cutMessages(buffer.slice(0, value))
          .flatMap((frame) => decodeRouteMessage(frame) ?? [])
          .find((one) => one.type === ROUTE.RTM_GET && one.sequence === sequence && one.pid === system.getpid());
        if (answer !== undefined) return answer;
      } catch (error) {
        // Invalid messages from other programs arrive here too; the reply may still follow.
        unread ??= error;
      }
    }
    if (unread !== undefined) throw unread;
    return undefined;
  };
  return {
    lookUp: (family, address, scope) => {
      lastQuestion = (lastQuestion % 0x7fff_ffff) + 1;
      const sequence = lastQuestion;
      const destination = { family, address, length: family === 4 ? 32 : 128 };
      const flags = scope === 0 ? 0 : ROUTE.RTF_IFSCOPE;
      const request = { type: ROUTE.RTM_GET, flags, destination, index: scope, asksInterface: true } as const;
      const message = encodeRouteRequest({ ...request, pid: system.getpid(), sequence });
      const { value, errno } = system.write(fd, message);
      if (value === -1 && NO_ROUTE.has(darwinErrnoName(errno))) return undefined;
      if (value === -1) throw darwinError(`${action} to ${address}`, errno);
      return answerTo(sequence);
    },
    [Symbol.dispose]: () => open.dispose(),
  };
}

/** The kernel's errors when no route matches (route_output of bsd/net/rtsock.c). */
const NO_ROUTE: ReadonlySet<string> = new Set(["ESRCH", "ENETUNREACH", "EHOSTUNREACH"]);

/** All routes, including scoped ones, except those the kernel cloned for single hosts. Reads only. */
export function dumpRoutes(system: LibSystem): RouteMessage[] {
  const mib = [SYSCTL.CTL_NET, SOCKET.PF_ROUTE, 0, 0, SYSCTL.NET_RT_DUMP, 0];
  return cutMessages(readSysctl(system, "reading the routes", mib)).flatMap((frame) => {
    const message = decodeRouteMessage(frame);
    return message === undefined || (message.flags & ROUTE.RTF_WASCLONED) !== 0 ? [] : [message];
  });
}
