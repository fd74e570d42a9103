/**
 * One nf_tables expression of a rule as plain data. The names follow the kernel's
 * (include/uapi/linux/netfilter/nf_tables.h); `expression-encode.codec.ts` encodes them as netlink attributes.
 *
 * Values are bytes as in a register: network order for packet fields, native order (little-endian on every supported
 * platform) for marks, ids, interface indexes and conntrack state.
 */
export type Expression =
  | { readonly kind: "meta"; readonly key: MetaKey; readonly register: number }
  | { readonly kind: "meta-set"; readonly key: MetaKey; readonly source: number }
  | {
      readonly kind: "payload";
      readonly base: PayloadBase;
      readonly offset: number;
      readonly length: number;
      readonly register: number;
    }
  | { readonly kind: "cmp"; readonly operator: CompareOperator; readonly register: number; readonly data: Uint8Array }
  | {
      readonly kind: "bitwise";
      readonly source: number;
      readonly register: number;
      readonly length: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  | {
      readonly kind: "byteorder";
      readonly operation: "ntoh" | "hton";
      readonly source: number;
      readonly register: number;
      readonly length: number;
      readonly size: number;
    }
  | {
      readonly kind: "range";
      readonly operator: "eq" | "neq";
      readonly register: number;
      readonly from: Uint8Array;
      readonly to: Uint8Array;
    }
  | {
      readonly kind: "lookup";
      readonly set: string;
      readonly register: number;
      readonly inverted: boolean;
      /** The destination of a map's value: a data register, or 0 for a verdict map. Absent for a plain set. */
      readonly into?: number;
      /** For a set created in the same transaction under an anonymous name (`__set%d`). */
      readonly setId?: number;
    }
  /** Adds the packet's key to the set, renews it, or removes it; if the set is full, the rule ends. */
  | { readonly kind: "set-update"; readonly set: string; readonly register: number; readonly removes?: true }
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  | { readonly kind: "immediate"; readonly register: number; readonly data: Uint8Array }
  | { readonly kind: "counter"; readonly packets: bigint; readonly bytes: bigint }
  | { readonly kind: "ct"; readonly key: CtKey; readonly register: number; readonly direction?: "original" | "reply" }
  | {
      readonly kind: "ct-set";
      readonly key: CtKey;
      readonly source: number;
      readonly direction?: "original" | "reply";
    }
  | {
      readonly kind: "fib";
      readonly result: "oif" | "oifname" | "type";
      /** The address to look up, `saddr` or `daddr`, and further selectors: `mark`, `iif`, `oif`. */
      readonly flags: readonly FibFlag[];
      readonly presenceOnly: boolean;
      readonly register: number;
    }
  | {
      readonly kind: "exthdr";
      readonly protocol: "ipv6" | "tcp-option" | "ipv4";
      readonly type: number;
      readonly offset: number;
      readonly length: number;
      readonly presenceOnly: boolean;
      readonly register: number;
    }
  | {
      readonly kind: "nat";
      readonly type: "snat" | "dnat";
      readonly family: 4 | 6;
      readonly addressRegister?: number;
      readonly portRegister?: number;
      readonly flags: number;
    }
  | { readonly kind: "masquerade"; readonly flags: number }
  | { readonly kind: "redirect"; readonly portRegister?: number; readonly flags: number }
  | { readonly kind: "reject"; readonly type: "icmp" | "tcp-reset" | "icmpx"; readonly code: number }
  | {
      readonly kind: "socket";
      readonly key: SocketKey;
      readonly register: number;
      /** The depth of the cgroup, for `cgroupv2` only. */
      readonly level?: number;
    }
  | {
      readonly kind: "tproxy";
      readonly family: 0 | 4 | 6;
      readonly addressRegister?: number;
      readonly portRegister?: number;
    }
  | { readonly kind: "notrack" }
  | { readonly kind: "log"; readonly prefix: string; readonly group?: number }
  | {
      readonly kind: "limit";
      readonly rate: bigint;
      readonly unitSeconds: bigint;
      readonly burst: number;
      readonly of: "packets" | "bytes";
      readonly inverted: boolean;
    }
  | { readonly kind: "rt"; readonly key: RtKey; readonly register: number }
  /** An expression of another program's rule that awg does not decode; kept so that the rule can be shown. */
  | { readonly kind: "unknown"; readonly name: string; readonly data: Uint8Array };

export type ExpressionOf<K extends Expression["kind"]> = Extract<Expression, { kind: K }>;

export type Verdict =
  | { readonly code: "accept" | "drop" | "continue" | "return" | "queue" }
  | { readonly code: "jump" | "goto"; readonly chain: string };

export type CompareOperator = "eq" | "neq" | "lt" | "lte" | "gt" | "gte";
export type PayloadBase = "link" | "network" | "transport" | "inner";
export type FibFlag = "saddr" | "daddr" | "mark" | "iif" | "oif";
export type SocketKey = "transparent" | "mark" | "wildcard" | "cgroupv2";
export type RtKey = "classid" | "nexthop4" | "nexthop6" | "tcpmss" | "xfrm";

export const META_KEYS = [
  "len",
  "protocol",
  "priority",
  "mark",
  "iif",
  "oif",
  "iifname",
  "oifname",
  "iiftype",
  "oiftype",
  "skuid",
  "skgid",
  "nftrace",
  "rtclassid",
  "secmark",
  "nfproto",
  "l4proto",
  "bri-iifname",
  "bri-oifname",
  "pkttype",
  "cpu",
  "iifgroup",
  "oifgroup",
  "cgroup",
  "prandom",
  "secpath",
  "iifkind",
  "oifkind",
  "bri-iifpvid",
  "bri-iifvproto",
  "time-ns",
  "time-day",
  "time-hour",
  "sdif",
  "sdifname",
] as const;
/** In the kernel's order: the index is NFT_META_*. */
export type MetaKey = (typeof META_KEYS)[number];

export const CT_KEYS = [
  "state",
  "direction",
  "status",
  "mark",
  "secmark",
  "expiration",
  "helper",
  "l3protocol",
  "src",
  "dst",
  "protocol",
  "proto-src",
  "proto-dst",
  "labels",
  "pkts",
  "bytes",
  "avgpkt",
  "zone",
  "eventmask",
  "src-ip",
  "dst-ip",
  "src-ip6",
  "dst-ip6",
  "id",
] as const;
/** In the kernel's order: the index is NFT_CT_*. */
export type CtKey = (typeof CT_KEYS)[number];

/** Bits of the conntrack state in a register (NF_CT_STATE_BIT of nf_conntrack_common.h). */
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

/** The result of `fib … type` for an address of another host (RTN_UNICAST of rtnetlink.h). */
export const RTN_UNICAST = 1;
/**
 * The result for an address of this host. A link-local IPv6 address is looked up on the packet's device, where it has
 * one (nft_fib_ipv6.c).
 */
export const RTN_LOCAL = 2;

/** The first register of 16 bytes, used for single values. Register 0 holds the verdict. */
export const FIRST_REGISTER = 1;

/**
 * The register that starts at a 4-byte slot, for the fields of a concatenation: slot 0 is register 1, slot 1 is
 * NFT_REG32_01 (9). Slots at a multiple of four use the 16-byte register's name, as the kernel dumps them.
 */
export function registerAt(slot: number): number {
  return slot % 4 === 0 ? 1 + slot / 4 : 8 + slot;
}

/** A rule's end: `verdict("drop")`, `verdict("jump", "killswitch")`. */
export function verdict(code: "accept" | "drop" | "continue" | "return" | "queue"): Expression;
export function verdict(code: "jump" | "goto", chain: string): Expression;
export function verdict(code: Verdict["code"], chain = ""): Expression {
  if (code === "jump" || code === "goto") return { kind: "verdict", verdict: { code, chain } };
  return { kind: "verdict", verdict: { code } };
}

/** Counts packets and bytes from zero. */
export function counter(): Expression {
  return { kind: "counter", packets: 0n, bytes: 0n };
}

/** Rejects with an ICMP "administratively prohibited" in the packet's own family (inet). */
export function rejectProhibited(): Expression {
  return { kind: "reject", type: "icmpx", code: 3 };
}

/** Rejects a TCP segment with a reset. */
export function rejectTcpReset(): Expression {
  return { kind: "reject", type: "tcp-reset", code: 0 };
}

/** Writes a line to the kernel log for each matching packet. */
export function log(prefix: string): Expression {
  return { kind: "log", prefix };
}

/** Matches at most `rate` packets per `unitSeconds`. */
export function limitPackets(rate: number, unitSeconds: number, burst = 5): Expression {
  return {
    kind: "limit",
    rate: BigInt(rate),
    unitSeconds: BigInt(unitSeconds),
    burst,
    of: "packets",
    inverted: false,
  };
}

/** Rewrites the source to the address of the interface the packet leaves by. */
export function masquerade(): Expression {
  return { kind: "masquerade", flags: 0 };
}
