import type { PacketSystem } from "../../packet-system.ts";
import { drainEventCounter, openEventCounter } from "./event-counter.ffi.ts";
import { packetCalls } from "./packet-calls.ffi.ts";
import { lookUpRoute } from "./route-lookup.ffi.ts";
import { prepareTun } from "./tun-offload.ffi.ts";
import { openUdpSocket } from "./udp-socket.ffi.ts";

/** The data plane's system calls on Linux. */
export const LINUX_PACKET_SYSTEM: PacketSystem = {
  packetCalls,
  prepareTun,
  openSocket: openUdpSocket,
  lookUpRoute: (to, { mark }) => lookUpRoute(to, mark),
  openWake: openEventCounter,
  drainWake: drainEventCounter,
};
