import type { Arena } from "../../memory/arena.ffi.ts";
import type { PacketSystem, PreparedTun, RouteInfo, RoutingSettings, UdpAddress } from "../../packet-system.ts";
import type { LibSystem } from "../libsystem.ts";
import { nameOfUtun } from "../link/utun.ts";
import { darwinPacketCalls, type RawPacketCalls } from "./packet-calls.ffi.ts";
import { openUdpSocket, setNonblocking } from "./udp-socket.ts";
import { drainWakePipe, openWakePipe } from "./wake-pipe.ts";

/** What the data plane asks of macOS. `raw` gives the loop's own calls, declared when the first loop is made. */
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

/** A utun has no offloads, and the calls take care of its four bytes. */
function prepareUtun(system: LibSystem, fd: number): PreparedTun {
  const action = `asking descriptor ${fd} for its utun`;
  const name = nameOfUtun(system, fd, action);
  setNonblocking(system, fd, action);
  return { name, headerBytes: 0, offload: 0 };
}

/** What fits the interface that the socket is tied to; macOS tells no socket of the path behind it (it has no IP_MTU). */
function routeByInterface({ address }: UdpAddress, { boundTo }: RoutingSettings): RouteInfo | undefined {
  const bound = address.length === 4 ? boundTo?.four : boundTo?.six;
  return bound === undefined ? undefined : { mtuBytes: bound.mtuBytes };
}
