import type { PacketSystem } from "../../packet-system.ts";
import { drainEventCounter, openEventCounter } from "./event-counter.ffi.ts";
import { packetCalls } from "./packet-calls.ffi.ts";
import { prepareTun } from "./tun-offload.ffi.ts";
import { openUdpSocket } from "./udp-socket.ffi.ts";
import { readWayTo } from "./way-to.ffi.ts";

/** What the data plane asks of Linux. */
export const LINUX_PACKET_SYSTEM: PacketSystem = {
  packetCalls,
  prepareTun,
  openSocket: openUdpSocket,
  readWayTo: (to, { mark }) => readWayTo(to, mark),
  openWake: openEventCounter,
  drainWake: drainEventCounter,
};
