import type { Arena } from "../../memory/arena.ffi.ts";
import type { PacketSystem, PreparedTun, RouteInfo, RoutingSettings, UdpAddress } from "../../packet-system.ts";
import type { LibSystem } from "../libsystem.ts";
import { nameOfUtun } from "../link/utun.ts";
import { darwinPacketCalls, type RawPacketCalls } from "./packet-calls.ffi.ts";
import { openUdpSocket, setNonblocking } from "./udp-socket.ts";
import { drainWakePipe, openWakePipe } from "./wake-pipe.ts";

/**
 * The data plane's system calls on macOS. `raw` returns the loop's own calls, declared when the first loop is created.
 */
export function darwinPacketSystem(system: LibSystem, raw: (arena: Arena) => RawPacketCalls): PacketSystem {
  return {
    packetCalls: (arena) => darwinPacketCalls(arena, raw(arena)),
    prepareTun: (fd) => prepareUtun(system, fd),
    openSocket: (options) => openUdpSocket(system, options),
    lookUpRoute: routeByInterface,
    openWake: () => openWakePipe(system),
    drainWake: (fd) => drainWakePipe(system, fd),
  };
}

/** A utun has no offloads, and the calls handle its four header bytes. */
function prepareUtun(system: LibSystem, fd: number): PreparedTun {
  const action = `reading the utun of descriptor ${fd}`;
  const name = nameOfUtun(system, fd, action);
  setNonblocking(system, fd, action);
  return { name, headerBytes: 0, offload: 0 };
}

/** The MTU of the interface that the socket is bound to; macOS reports no path MTU to sockets (it has no IP_MTU). */
function routeByInterface({ address }: UdpAddress, { boundTo }: RoutingSettings): RouteInfo | undefined {
  const bound = address.length === 4 ? boundTo?.four : boundTo?.six;
  return bound === undefined ? undefined : { mtuBytes: bound.mtuBytes };
}
