import { textOf } from "../../../native/linux/readable-files.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";

/** ETH_P_PPP_DISC and ETH_P_PPP_SES (linux/if_ether.h) as /proc/net/packet writes them: in hex, without a prefix. */
const FRAME_TYPES = ["8863", "8864"];

/**
 * The devices by which this network namespace speaks PPPoE, sorted: those of the kernel's sessions, and those on which a
 * program has a packet socket for it, as pppd has until its session stands. Whatever cannot be read counts as not there.
 */
export function readPppoeDevices(): readonly string[] {
  const indexes = packetSocketDevices(textOf("/proc/thread-self/net/packet"));
  const sessions = sessionDevices(textOf("/proc/thread-self/net/pppoe"));
  return [...new Set([...sessions, ...namesOf(indexes)])].toSorted();
}

/** The devices of the table /proc/net/pppoe: session, the other end's address, device (pppoe_seq_show of drivers/net/ppp/pppoe.c). Pure. */
export function sessionDevices(table: string): readonly string[] {
  return [...table.matchAll(/^[0-9A-F]{8} [0-9a-f:]{17} +(\S+)$/gm)].map(([, device = ""]) => device);
}

/** The indexes of the devices in /proc/net/packet on which a socket is for PPPoE: sk, count, type, protocol, device, … Pure. */
export function packetSocketDevices(table: string): readonly number[] {
  return table.split("\n").flatMap((line) => {
    const [, , , protocol = "", device] = line.trim().split(/ +/);
    return FRAME_TYPES.includes(protocol) ? [Number(device)] : [];
  });
}

/** A socket on no device in particular (index 0) is a listener's. */
function namesOf(indexes: readonly number[]): readonly string[] {
  if (indexes.length === 0) return [];
  try {
    using netlink = openRouteNetlink();
    return netlink
      .links()
      .filter(({ index }) => indexes.includes(index))
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
