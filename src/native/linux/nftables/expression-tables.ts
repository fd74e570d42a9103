import type { CompareOperator, PayloadBase, RtKey, SocketKey, Verdict } from "./expression.ts";

/** Attribute numbers of each expression (enum nft_*_attributes); same name, same expression in kernel and here. */
export const ATTRIBUTE = {
  immediate: { register: 1, data: 2 },
  bitwise: { source: 1, register: 2, length: 3, mask: 4, xor: 5, operation: 6 },
  byteorder: { source: 1, register: 2, operation: 3, length: 4, size: 5 },
  cmp: { register: 1, operator: 2, data: 3 },
  range: { register: 1, operator: 2, from: 3, to: 4 },
  lookup: { set: 1, register: 2, into: 3, setId: 4, flags: 5 },
  dynset: { set: 1, operation: 3, register: 4, timeout: 6, more: [5, 7, 10] },
  payload: { register: 1, base: 2, offset: 3, length: 4, source: 5 },
  exthdr: { register: 1, type: 2, offset: 3, length: 4, flags: 5, operation: 6, source: 7 },
  meta: { register: 1, key: 2, source: 3 },
  rt: { register: 1, key: 2 },
  socket: { key: 1, register: 2, level: 3 },
  ct: { register: 1, key: 2, direction: 3, source: 4 },
  limit: { rate: 1, unit: 2, burst: 3, type: 4, flags: 5 },
  counter: { bytes: 1, packets: 2 },
  log: { group: 1, prefix: 2 },
  reject: { type: 1, code: 2 },
  nat: { type: 1, family: 2, addressMin: 3, addressMax: 4, portMin: 5, portMax: 6, flags: 7 },
  masq: { flags: 1 },
  redir: { portMin: 1, portMax: 2, flags: 3 },
  tproxy: { family: 1, address: 2, port: 3 },
  fib: { register: 1, result: 2, flags: 3 },
} as const;

export const EXPRESSION = { name: 1, data: 2 } as const;
export const LIST_ELEMENT = 1;
export const DATA = { value: 1, verdict: 2 } as const;
export const VERDICT = { code: 1, chain: 2 } as const;

/** Names by number: the index in each list is the kernel's number. */
export const COMPARE_OPERATORS: readonly CompareOperator[] = ["eq", "neq", "lt", "lte", "gt", "gte"];
export const PAYLOAD_BASES: readonly PayloadBase[] = ["link", "network", "transport", "inner"];
export const SOCKET_KEYS: readonly SocketKey[] = ["transparent", "mark", "wildcard", "cgroupv2"];
export const RT_KEYS: readonly RtKey[] = ["classid", "nexthop4", "nexthop6", "tcpmss", "xfrm"];
export const FIB_RESULTS = ["unspec", "oif", "oifname", "type"] as const;
export const FIB_FLAGS = ["saddr", "daddr", "mark", "iif", "oif"] as const;
export const FIB_PRESENT = 0x20;
export const EXTHDR_PROTOCOLS = ["ipv6", "tcp-option", "ipv4"] as const;
export const EXTHDR_PRESENT = 1;
/** NFT_DYNSET_OP_UPDATE and NFT_DYNSET_OP_DELETE. */
export const SET_OPERATION = { update: 1, remove: 2 } as const;
export const REJECT_TYPES = ["icmp", "tcp-reset", "icmpx"] as const;
export const NAT_TYPES = ["snat", "dnat"] as const;
export const LIMIT_TYPES = ["packets", "bytes"] as const;
export const NFPROTO = { 0: 0, 4: 2, 6: 10 } as const;

/** Verdict codes (NF_* and NFT_*), as signed numbers. */
export const VERDICT_CODES: Readonly<Record<Verdict["code"], number>> = {
  drop: 0,
  accept: 1,
  queue: 3,
  continue: -1,
  jump: -3,
  goto: -4,
  return: -5,
};
