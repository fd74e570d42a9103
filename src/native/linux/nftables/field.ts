import { AwgError } from "../../../model/error.ts";
import { CLASS_MARK } from "../../../model/ownership.ts";
import { addressToBytes } from "../address.codec.ts";
import { type CtKey, type Expression, FIRST_REGISTER, type MetaKey, type PayloadBase } from "./expression.ts";

/** The family of a table by name; the codec has the numbers. */
export type TableFamily = "inet" | "ip" | "ip6" | "arp" | "bridge" | "netdev";

/** The form of a value in a register. */
export type ValueForm = "host" | "network" | "address4" | "address6" | "name" | "bytes";

/** A field that a rule can match: how it is loaded, its width, and what it requires. */
export interface Field {
  readonly load: (register: number) => Expression;
  readonly bytes: number;
  readonly form: ValueForm;
  /** nft's datatype number (include/datatype.h of nftables), so that `nft` prints sets of this field. */
  readonly nftType: number;
  readonly network?: "ip" | "ip6" | "arp";
  /** The transport protocols that have the field (one, or any when absent). */
  readonly transport?: number;
  /** The bits of what is loaded that belong to the field; all when absent. */
  readonly bits?: number;
}

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, dccp: 33, icmp6: 58, sctp: 132 } as const;

const meta = (key: MetaKey, bytes: number, form: ValueForm, nftType: number): Field => ({
  load: (register) => ({ kind: "meta", key, register }),
  bytes,
  form,
  nftType,
});

const ct = (key: CtKey, bytes: number, form: ValueForm, nftType: number): Field => ({
  load: (register) => ({ kind: "ct", key, register }),
  bytes,
  form,
  nftType,
});

/** The destination of a flow's answers on the wire, whatever address translation makes of it. */
const answerTo = (key: CtKey, bytes: number, form: ValueForm, nftType: number): Field => ({
  load: (register) => ({ kind: "ct", key, register, direction: "reply" }),
  bytes,
  form,
  nftType,
});

const packet = (
  base: PayloadBase,
  offset: number,
  bytes: number,
  form: ValueForm,
  nftType: number,
  needs: Pick<Field, "network" | "transport"> = {},
): Field => ({
  load: (register) => ({ kind: "payload", base, offset, length: bytes, register }),
  bytes,
  form,
  nftType,
  ...needs,
});

const fib = (of: "saddr" | "daddr", result: "type" | "oif", nftType: number): Field => ({
  load: (register) => ({ kind: "fib", result, flags: [of], presenceOnly: false, register }),
  bytes: 4,
  form: "host",
  nftType,
});

/** Whether what is looked up has a route, here back to the sender by the device the packet came by, under the packet's mark. */
const reversePath: Field = {
  load: (register) => ({ kind: "fib", result: "oif", flags: ["saddr", "mark", "iif"], presenceOnly: true, register }),
  bytes: 4,
  form: "host",
  nftType: 4,
};

const port = (offset: number, transport?: number): Field =>
  packet("transport", offset, 2, "network", 13, transport === undefined ? {} : { transport });

/** Every field awg's rules match on, by name. */
export const FIELDS = {
  mark: meta("mark", 4, "host", 19),
  /** The class of the sending program. */
  "mark.class": { ...meta("mark", 4, "host", 19), bits: CLASS_MARK.mask } as Field,
  iif: meta("iif", 4, "host", 20),
  oif: meta("oif", 4, "host", 20),
  iifname: meta("iifname", 16, "name", 41),
  oifname: meta("oifname", 16, "name", 41),
  skuid: meta("skuid", 4, "host", 24),
  skgid: meta("skgid", 4, "host", 25),
  nfproto: meta("nfproto", 1, "network", 2),
  l4proto: meta("l4proto", 1, "network", 12),
  protocol: meta("protocol", 2, "network", 10),
  length: meta("len", 4, "host", 4),
  cgroup: meta("cgroup", 4, "host", 4),
  "ct.state": ct("state", 4, "host", 26),
  "ct.direction": ct("direction", 1, "network", 27),
  "ct.status": ct("status", 4, "host", 28),
  "ct.mark": ct("mark", 4, "host", 19),
  "ct.zone": ct("zone", 2, "host", 4),
  "ct.reply.ip.daddr": { ...answerTo("dst-ip", 4, "address4", 7), network: "ip" } as Field,
  "ct.reply.ip6.daddr": { ...answerTo("dst-ip6", 16, "address6", 8), network: "ip6" } as Field,
  "ip.saddr": packet("network", 12, 4, "address4", 7, { network: "ip" }),
  "ip.daddr": packet("network", 16, 4, "address4", 7, { network: "ip" }),
  "ip.protocol": packet("network", 9, 1, "network", 12, { network: "ip" }),
  "ip.ttl": packet("network", 8, 1, "network", 4, { network: "ip" }),
  "ip.fragment": packet("network", 6, 2, "network", 4, { network: "ip" }),
  "ip6.saddr": packet("network", 8, 16, "address6", 8, { network: "ip6" }),
  "ip6.daddr": packet("network", 24, 16, "address6", 8, { network: "ip6" }),
  "ip6.hoplimit": packet("network", 7, 1, "network", 4, { network: "ip6" }),
  "tcp.sport": port(0, PROTOCOL.tcp),
  "tcp.dport": port(2, PROTOCOL.tcp),
  "udp.sport": port(0, PROTOCOL.udp),
  "udp.dport": port(2, PROTOCOL.udp),
  "tcp.flags": packet("transport", 13, 1, "network", 15, { transport: PROTOCOL.tcp }),
  "tcp.offset": packet("transport", 12, 1, "network", 4, { transport: PROTOCOL.tcp }),
  "th.sport": port(0),
  "th.dport": port(2),
  "icmp.type": packet("transport", 0, 1, "network", 14, { network: "ip", transport: PROTOCOL.icmp }),
  "icmp.code": packet("transport", 1, 1, "network", 32, { network: "ip", transport: PROTOCOL.icmp }),
  "icmpv6.type": packet("transport", 0, 1, "network", 29, { network: "ip6", transport: PROTOCOL.icmp6 }),
  "icmpv6.code": packet("transport", 1, 1, "network", 33, { network: "ip6", transport: PROTOCOL.icmp6 }),
  "arp.operation": packet("network", 6, 2, "network", 11, { network: "arp" }),
  "arp.saddr": packet("network", 14, 4, "address4", 7, { network: "arp" }),
  "arp.daddr": packet("network", 24, 4, "address4", 7, { network: "arp" }),
  "fib.saddr.type": fib("saddr", "type", 38),
  "fib.daddr.type": fib("daddr", "type", 38),
  "fib.saddr.reverse-path": reversePath,
  "fib.saddr.oif": fib("saddr", "oif", 20),
  "rt.nexthop4": {
    load: (register) => ({ kind: "rt", key: "nexthop4", register }),
    bytes: 4,
    form: "address4",
    nftType: 7,
    network: "ip",
  } as Field,
  "rt.nexthop6": {
    load: (register) => ({ kind: "rt", key: "nexthop6", register }),
    bytes: 16,
    form: "address6",
    nftType: 8,
    network: "ip6",
  } as Field,
  "socket.mark": {
    load: (register) => ({ kind: "socket", key: "mark", register }),
    bytes: 4,
    form: "host",
    nftType: 19,
  } as Field,
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

/** A number, an address or interface name, or the bytes themselves. */
export type FieldValue = number | string | Uint8Array;

/** The field of that name. */
export function fieldOf(name: FieldName): Field {
  return FIELDS[name];
}

/**
 * Encodes a value as the field's bytes in a register.
 *
 * @throws AwgError("bug") when the value does not fit the field: the caller rendered a wrong policy.
 */
export function encodeFieldValue(name: FieldName, value: FieldValue): Uint8Array {
  const field = fieldOf(name);
  const bytes = value instanceof Uint8Array ? value : encodeScalar(field, value);
  if (bytes !== undefined && bytes.length === field.bytes) return bytes;
  throw new AwgError("bug", `the value ${String(value)} does not fit the nf_tables field ${name}`);
}

function encodeScalar(field: Field, value: number | string): Uint8Array | undefined {
  if (typeof value === "number") {
    if (field.form === "host") return nativeEndianBytes(value, field.bytes);
    return field.form === "network" ? nativeEndianBytes(value, field.bytes)?.reverse() : undefined;
  }
  if (field.form === "name") return interfaceName(value);
  if (field.form === "address4" || field.form === "address6") return addressToBytes(value);
  return undefined;
}

/** A number of 1 to 4 bytes in native order (little-endian); undefined when it does not fit. */
export function nativeEndianBytes(value: number, width: number): Uint8Array | undefined {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) return undefined;
  const bytes = new Uint8Array(width);
  for (let index = 0; index < width; index++) bytes[index] = value >>> (8 * index);
  return bytes;
}

function interfaceName(name: string): Uint8Array | undefined {
  const text = new TextEncoder().encode(name);
  if (text.length === 0 || text.length > 15) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(text);
  return bytes;
}

/** Loads the field into the first register. */
export function loadField(name: FieldName): Expression {
  return fieldOf(name).load(FIRST_REGISTER);
}
