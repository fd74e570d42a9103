import { openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import {
  decodeFamilyId,
  decodeSsid,
  encodeFamilyQuestion,
  encodeInterfaceQuestion,
  NETLINK_GENERIC,
} from "./nl80211.codec.ts";

/** The number of a generic netlink family; undefined if the kernel has none of this name. */
export function readGenericFamily(name: string): number | undefined {
  using socket = openNetlinkSocket(NETLINK_GENERIC);
  try {
    const [reply] = socket.request(encodeFamilyQuestion(name), `reading the netlink family ${name}`);
    return reply === undefined ? undefined : decodeFamilyId(reply);
  } catch {
    return undefined;
  }
}

/**
 * The name of the wireless network that a device is connected to; undefined if it is connected to none, is no radio, or the
 * kernel has no nl80211.
 */
export function readSsid(index: number): string | undefined {
  const family = readGenericFamily("nl80211");
  if (family === undefined) return undefined;
  using socket = openNetlinkSocket(NETLINK_GENERIC);
  try {
    const [reply] = socket.request(encodeInterfaceQuestion(family, index), "reading the wireless network");
    return reply === undefined ? undefined : decodeSsid(reply);
  } catch {
    return undefined;
  }
}
