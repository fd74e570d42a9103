import { checkedCall, readSysctl } from "../../../native/darwin/calls.ts";
import { ROUTE, SOCKET, SYSCTL } from "../../../native/darwin/constants.ts";
import type { CallResult, LibSystem } from "../../../native/darwin/libsystem.ts";
import { cutMessages } from "../../../native/darwin/route/message-frames.codec.ts";
import {
  decodeRouteMessage,
  encodeRouteRequest,
  type RouteMessage,
  type RouteRequest,
} from "../../../native/darwin/route/route-message.codec.ts";

/** A routing socket that is written to only; watching is another socket's work. */
export interface RouteSocket extends Disposable {
  /** Writes one message; its errno tells whether the kernel did it. */
  write(request: Omit<RouteRequest, "pid" | "sequence">): CallResult;
}

/** One counter for the process: watchers tell our changes by pid and sequence, and 0 is the kernel's own. */
let lastSequence = 0;

/** Opens a routing socket that does not hear itself, so that what it writes fills no buffer of its own. */
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
      lastSequence = (lastSequence % 0x7fff_ffff) + 1;
      return system.write(fd, encodeRouteRequest({ ...request, pid: system.getpid(), sequence: lastSequence }));
    },
    [Symbol.dispose]: () => void system.close(fd),
  };
}

/** Every route but those the kernel cloned for single hosts, those of interfaces' own scopes too. Reads only. */
export function dumpRoutes(system: LibSystem): RouteMessage[] {
  const mib = [SYSCTL.CTL_NET, SOCKET.PF_ROUTE, 0, 0, SYSCTL.NET_RT_DUMP, 0];
  return cutMessages(readSysctl(system, "reading the routes", mib)).flatMap((frame) => {
    const message = decodeRouteMessage(frame);
    return message === undefined || (message.flags & ROUTE.RTF_WASCLONED) !== 0 ? [] : [message];
  });
}
