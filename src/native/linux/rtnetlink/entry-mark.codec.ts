import { eachAttribute, readU8, readU32 } from "../attribute.codec.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { decodeAddress } from "./interface-address.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";
import { decodeRule } from "./rule.codec.ts";

/**
 * struct rtmsg (include/uapi/linux/rtnetlink.h): its length, the offsets of table and protocol, and RT_TABLE_COMPAT.
 */
const ROUTE = { headerBytes: 12, table: 4, protocol: 5, tableInAttribute: 252 } as const;
const RTA_TABLE = 15;

/** Identifies the owner of a route, a policy rule or an address. */
export interface EntryMark {
  /** The creator: rtm_protocol, FRA_PROTOCOL or IFA_PROTO. */
  readonly protocol: number;
  /** The table of a route. */
  readonly table?: number;
}

/** The owner mark of the entry that was added, changed or deleted; undefined for other messages. */
export function decodeEntryMark(message: NetlinkMessage): EntryMark | undefined {
  switch (message.type) {
    case RTM.newRoute:
    case RTM.deleteRoute:
      return routeMark(message.payload);
    case RTM.newRule:
    case RTM.deleteRule:
      return protocolOf(decodeRule(message));
    case RTM.newAddress:
    case RTM.deleteAddress:
      return protocolOf(decodeAddress(message));
    default:
      return undefined;
  }
}

/** Read from the header where possible: routing daemons change thousands at once. */
function routeMark(payload: Uint8Array): EntryMark {
  const protocol = readU8(payload, ROUTE.protocol);
  let table = readU8(payload, ROUTE.table);
  if (table === ROUTE.tableInAttribute) {
    eachAttribute(payload, ROUTE.headerBytes, payload.length, (attribute, from) => {
      if (attribute === RTA_TABLE) table = readU32(payload, from);
    });
  }
  return { protocol, table };
}

function protocolOf(entry: { readonly protocol: number } | undefined): EntryMark | undefined {
  return entry === undefined ? undefined : { protocol: entry.protocol };
}
