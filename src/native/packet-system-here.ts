import { openLibSystem } from "./darwin/libsystem.ffi.ts";
import { darwinPacketSystem } from "./darwin/packet-io/darwin-packet-system.ts";
import { rawPacketCalls } from "./darwin/packet-io/packet-calls.ffi.ts";
import { LINUX_PACKET_SYSTEM } from "./linux/packet-io/linux-packet-system.ts";
import type { PacketSystem } from "./packet-system.ts";
import { SYSTEM } from "./system.ts";

/** The packet system of this process's operating system. */
export function packetSystemHere(): PacketSystem {
  return SYSTEM === "darwin" ? darwinPacketSystem(openLibSystem(), rawPacketCalls) : LINUX_PACKET_SYSTEM;
}
