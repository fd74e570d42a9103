import { attributeMap, readU32 } from "../attribute.codec.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";

/** struct netconfmsg has one byte, padded; its attributes are NETCONFA_* (include/uapi/linux/netconf.h). */
const HEADER_BYTES = 4;
const NETCONFA = { index: 1, reversePathFilter: 3 } as const;
/** NETCONFA_IFINDEX_ALL: the setting of `conf/all`. */
const ALL_DEVICES = 0xffff_ffff;

/**
 * The value of `net.ipv4.conf.all.rp_filter` in a message; undefined for every other message. The kernel reports
 * changes of this setting (devinet_conf_proc of net/ipv4/devinet.c) with port id 0, whoever wrote it; it does not
 * report arp_ignore and src_valid_mark.
 */
export function decodeReversePathFilter({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== RTM.newNetconf) return undefined;
  const attributes = attributeMap(payload, HEADER_BYTES);
  const index = attributes.get(NETCONFA.index);
  const value = attributes.get(NETCONFA.reversePathFilter);
  if (index === undefined || value === undefined || readU32(index) !== ALL_DEVICES) return undefined;
  return readU32(value);
}
