import { addressToBytes, bytesToAddress } from "../address.codec.ts";
import { attributeMap, type MessageWriter, readU8, readU16be, readU32be, readU64be } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";

const SUBSYSTEM = 1 << 8;
const MESSAGE = { new: SUBSYSTEM | 0, get: SUBSYSTEM | 1, delete: SUBSYSTEM | 2 } as const;
/** struct nfgenmsg: family, version, resource id. */
const HEADER_BYTES = 4;
const AF = { all: 0, 4: 2, 6: 10 } as const;

const CTA = {
  original: 1,
  reply: 2,
  status: 3,
  protocolInfo: 4,
  timeout: 7,
  mark: 8,
  countersOriginal: 9,
  countersReply: 10,
  id: 12,
  zone: 18,
} as const;
const CTA_TUPLE = { ip: 1, protocol: 2 } as const;
const CTA_IP = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const CTA_PROTO = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
/** Attributes of id, type and code: ICMP 4 to 6, ICMPv6 7 to 9. */
const CTA_PROTO_ICMP = { 4: 4, 6: 7 } as const;
const CTA_COUNTERS = { packets: 1, bytes: 2 } as const;
const CTA_PROTOINFO_TCP = 1;
const CTA_TCP = { state: 1, flagsOriginal: 4, flagsReply: 5 } as const;
/** IP_CT_TCP_FLAG_BE_LIBERAL: packets outside the known window are not invalid. */
const BE_LIBERAL = 0x08;
/** IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED (linux/netfilter/nf_conntrack_common.h). */
const ESTABLISHED_STATUS = 2 | 4 | 8;
const ICMP_PROTOCOL = { 4: 1, 6: 58 } as const;

const TCP_STATES = [
  "none",
  "syn-sent",
  "syn-received",
  "established",
  "fin-wait",
  "close-wait",
  "last-ack",
  "time-wait",
  "close",
  "syn-sent2",
] as const;

/** One direction of a flow as its packets carry it. */
export interface FlowTuple {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly id: number; readonly type: number; readonly code: number };
}

/** An entry of the connection tracking table. */
export interface Flow {
  readonly family: 4 | 6;
  readonly original: FlowTuple;
  /** The tuple of replies; with NAT not the reverse of the original. */
  readonly reply: FlowTuple;
  /** Bits of IPS_*: 2 a reply was seen, 4 assured, 16 and 32 source and destination NAT. */
  readonly status: number;
  readonly mark: number;
  readonly zone: number;
  /** The kernel's id, which differs for a later flow with the same addresses. */
  readonly id: number;
  readonly tcpState?: (typeof TCP_STATES)[number];
  readonly timeoutSeconds?: number;
  /** Sum of both directions; only with net.netfilter.nf_conntrack_acct. */
  readonly packets?: bigint;
  readonly bytes?: bigint;
}

/** Requests all flows. */
export function encodeFlowDump(family: 4 | 6 | "all" = "all"): Uint8Array {
  return encodeMessage(MESSAGE.get, NLM.dump, (writer) => writer.u32(AF[family]));
}

/** Deletes this very flow by its addresses, zone and id. ENOENT means it is already gone. */
export function encodeFlowDeletion({ family, original, id, zone }: Flow): Uint8Array {
  return encodeMessage(MESSAGE.delete, 0, (writer) => {
    writer.u32(AF[family]);
    writeTuple(writer, CTA.original, family, original);
    if (zone !== 0) writer.attributeU16be(CTA.zone, zone);
    writer.attributeU32be(CTA.id, id);
  });
}

/**
 * Creates the entry of an established TCP connection that conntrack has not seen, so its windows are unknown. EEXIST
 * means conntrack knows it.
 *
 * @param original the tuple of the packet that opened it
 */
export function encodeEstablishedFlow(original: FlowTuple, timeoutSeconds: number): Uint8Array {
  const family = original.source.includes(":") ? 6 : 4;
  return encodeMessage(MESSAGE.new, NLM.create | NLM.exclusive, (writer) => {
    writer.u32(AF[family]);
    writeTuple(writer, CTA.original, family, original);
    writeTuple(writer, CTA.reply, family, turnedRound(original));
    writer.attributeU32be(CTA.status, ESTABLISHED_STATUS);
    writer.attributeU32be(CTA.timeout, timeoutSeconds);
    const info = writer.begin(CTA.protocolInfo);
    const tcp = writer.begin(CTA_PROTOINFO_TCP);
    writer.attributeU8(CTA_TCP.state, TCP_STATES.indexOf("established"));
    for (const at of [CTA_TCP.flagsOriginal, CTA_TCP.flagsReply]) {
      writer.attribute(at, Uint8Array.of(BE_LIBERAL, BE_LIBERAL));
    }
    writer.end(tcp);
    writer.end(info);
  });
}

function turnedRound({ source, destination, sourcePort, destinationPort, ...rest }: FlowTuple): FlowTuple {
  return {
    ...rest,
    source: destination,
    destination: source,
    ...(destinationPort === undefined ? {} : { sourcePort: destinationPort }),
    ...(sourcePort === undefined ? {} : { destinationPort: sourcePort }),
  };
}

/** The flow of an IPCTNL_MSG_CT_NEW; undefined for other messages and families. */
export function decodeFlow({ type, payload }: NetlinkMessage): Flow | undefined {
  if (type !== MESSAGE.new) return undefined;
  const number = readU8(payload, 0);
  const family = number === AF[4] ? 4 : number === AF[6] ? 6 : undefined;
  if (family === undefined) return undefined;
  const attributes = attributeMap(payload, HEADER_BYTES);
  const original = readTuple(family, attributes.get(CTA.original));
  const reply = readTuple(family, attributes.get(CTA.reply));
  if (original === undefined || reply === undefined) return undefined;
  const u32 = (at: number) => {
    const bytes = attributes.get(at);
    return bytes === undefined ? undefined : readU32be(bytes);
  };
  const zone = attributes.get(CTA.zone);
  const timeout = u32(CTA.timeout);
  return {
    family,
    original,
    reply,
    status: u32(CTA.status) ?? 0,
    mark: u32(CTA.mark) ?? 0,
    zone: zone === undefined ? 0 : readU16be(zone),
    id: u32(CTA.id) ?? 0,
    ...readTcpState(attributes.get(CTA.protocolInfo)),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...readCounters(attributes.get(CTA.countersOriginal), attributes.get(CTA.countersReply)),
  };
}

function readTuple(family: 4 | 6, bytes: Uint8Array | undefined): FlowTuple | undefined {
  if (bytes === undefined) return undefined;
  const tuple = attributeMap(bytes);
  const [ip, protocol] = [tuple.get(CTA_TUPLE.ip), tuple.get(CTA_TUPLE.protocol)];
  if (ip === undefined || protocol === undefined) return undefined;
  const addresses = attributeMap(ip);
  const source = addresses.get(family === 4 ? CTA_IP.source4 : CTA_IP.source6);
  const destination = addresses.get(family === 4 ? CTA_IP.destination4 : CTA_IP.destination6);
  if (source === undefined || destination === undefined) return undefined;
  return {
    source: bytesToAddress(source),
    destination: bytesToAddress(destination),
    ...readProtocol(family, attributeMap(protocol)),
  };
}

function readProtocol(family: 4 | 6, attributes: Map<number, Uint8Array>): Omit<FlowTuple, "source" | "destination"> {
  const short = (at: number) => {
    const bytes = attributes.get(at);
    return bytes === undefined ? undefined : readU16be(bytes);
  };
  const byte = (at: number) => {
    const bytes = attributes.get(at);
    return bytes === undefined ? 0 : readU8(bytes);
  };
  const base = CTA_PROTO_ICMP[family];
  const id = short(base);
  const [sourcePort, destinationPort] = [short(CTA_PROTO.sourcePort), short(CTA_PROTO.destinationPort)];
  return {
    protocol: byte(CTA_PROTO.number),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(id === undefined ? {} : { icmp: { id, type: byte(base + 1), code: byte(base + 2) } }),
  };
}

function readTcpState(bytes: Uint8Array | undefined): Pick<Flow, "tcpState"> {
  const tcp = bytes === undefined ? undefined : attributeMap(bytes).get(CTA_PROTOINFO_TCP);
  const state = tcp === undefined ? undefined : attributeMap(tcp).get(CTA_TCP.state);
  const tcpState = state === undefined ? undefined : TCP_STATES[readU8(state)];
  return tcpState === undefined ? {} : { tcpState };
}

function readCounters(
  original: Uint8Array | undefined,
  reply: Uint8Array | undefined,
): Pick<Flow, "packets" | "bytes"> {
  if (original === undefined || reply === undefined) return {};
  const [there, back] = [attributeMap(original), attributeMap(reply)];
  const sum = (at: number) =>
    [there.get(at), back.get(at)].reduce((total, bytes) => total + (bytes === undefined ? 0n : readU64be(bytes)), 0n);
  return { packets: sum(CTA_COUNTERS.packets), bytes: sum(CTA_COUNTERS.bytes) };
}

function writeTuple(writer: MessageWriter, attribute: number, family: 4 | 6, tuple: FlowTuple): void {
  const outer = writer.begin(attribute);
  const ip = writer.begin(CTA_TUPLE.ip);
  writer.attribute(family === 4 ? CTA_IP.source4 : CTA_IP.source6, addressToBytes(tuple.source));
  writer.attribute(family === 4 ? CTA_IP.destination4 : CTA_IP.destination6, addressToBytes(tuple.destination));
  writer.end(ip);
  const protocol = writer.begin(CTA_TUPLE.protocol);
  writer.attributeU8(CTA_PROTO.number, tuple.protocol);
  if (tuple.sourcePort !== undefined) writer.attributeU16be(CTA_PROTO.sourcePort, tuple.sourcePort);
  if (tuple.destinationPort !== undefined) writer.attributeU16be(CTA_PROTO.destinationPort, tuple.destinationPort);
  if (tuple.icmp !== undefined && tuple.protocol === ICMP_PROTOCOL[family]) {
    const base = CTA_PROTO_ICMP[family];
    writer.attributeU16be(base, tuple.icmp.id);
    writer.attributeU8(base + 1, tuple.icmp.type);
    writer.attributeU8(base + 2, tuple.icmp.code);
  }
  writer.end(protocol);
  writer.end(outer);
}
