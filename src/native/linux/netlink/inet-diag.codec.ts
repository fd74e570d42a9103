import { addressToBytes, bytesToAddress } from "../address.codec.ts";
import { attributeMap, readU8, readU16be, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "./message.codec.ts";

/** SOCK_DIAG_BY_FAMILY and the protocol number of the netlink socket (include/uapi/linux/sock_diag.h, netlink.h). */
const SOCK_DIAG_BY_FAMILY = 20;
/** SOCK_DESTROY of the same header; the kernel may be built without INET_DIAG_DESTROY. */
const SOCK_DESTROY = 21;
export const NETLINK_SOCK_DIAG = 4;
const AF = { 4: 2, 6: 10 } as const;
const IPPROTO = { tcp: 6, udp: 17 } as const;
/** INET_DIAG_NOCOOKIE: any incarnation of the socket. */
const NO_COOKIE = 0xffffffff;
const ALL_STATES = 0xffffffff;
/** Bits of TCP's states (include/net/tcp_states.h). */
export const TCP_STATES = {
  listening: 1 << 10,
  /** Established, FIN_WAIT1 and 2, CLOSE_WAIT, LAST_ACK, CLOSING: data or an end may still be sent. */
  connected: (1 << 1) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 11),
} as const;
/** In struct inet_diag_msg (include/uapi/linux/inet_diag.h): four bytes, struct inet_diag_sockid of 48, five words. */
const ID_AT = 4;
const UID_AT = 64;
const INODE_AT = 68;
/** The cookie ends struct inet_diag_sockid; attributes follow struct inet_diag_msg. */
const COOKIE_AT = 44;
const MESSAGE_BYTES = 72;
/** The attribute with struct tcp_info, and tcpi_bytes_acked and tcpi_bytes_received in it (include/uapi/linux/tcp.h). */
const INET_DIAG_INFO = 2;
const ACKED_AT = 120;
const RECEIVED_AT = 128;

/** One endpoint of a socket: an address in canonical text and a port, 0 for "any". */
export interface DiagEnd {
  readonly address: string;
  readonly port: number;
}

/** A socket of this network namespace. */
export interface DiagSocket {
  readonly family: 4 | 6;
  readonly local: DiagEnd;
  readonly remote: DiagEnd;
  readonly uid: number;
  /** N of `socket:[N]` in /proc/PID/fd; 0 for a socket that no process holds any more. */
  readonly inode: number;
}

/** Requests all sockets of a protocol and family, or those in some states. */
export function encodeSocketDump(
  protocol: "tcp" | "udp",
  family: 4 | 6,
  states: number = ALL_STATES,
  extensions = 0,
): Uint8Array {
  return encodeMessage(SOCK_DIAG_BY_FAMILY, NLM.dump, (writer) => {
    writer.bytes(Uint8Array.of(AF[family], IPPROTO[protocol], extensions, 0));
    writer.u32(states);
    writer.reserve(48);
  });
}

/**
 * Requests the socket of packets between these endpoints; refused with ENOENT when there is none. For UDP the kernel
 * takes the endpoints in reverse order (net/ipv4/udp_diag.c: "swapped for historical reasons").
 */
export function encodeSocketRequest(protocol: "tcp" | "udp", local: DiagEnd, remote: DiagEnd): Uint8Array {
  const [first, second] = protocol === "tcp" ? [local, remote] : [remote, local];
  return encodeOneSocket(SOCK_DIAG_BY_FAMILY, protocol, first, second);
}

/** Ends a TCP connection: its program gets ECONNABORTED, the other side a reset. */
export function encodeConnectionEnd({ local, remote }: Pick<DiagSocket, "local" | "remote">): Uint8Array {
  return encodeOneSocket(SOCK_DESTROY, "tcp", local, remote);
}

function encodeOneSocket(type: number, protocol: "tcp" | "udp", first: DiagEnd, second: DiagEnd): Uint8Array {
  const [source, destination] = [addressToBytes(first.address), addressToBytes(second.address)];
  return encodeMessage(type, type === SOCK_DESTROY ? NLM.ack : 0, (writer) => {
    writer.bytes(Uint8Array.of(source.length === 4 ? AF[4] : AF[6], IPPROTO[protocol], 0, 0));
    writer.u32(ALL_STATES);
    writer.bytes(Uint8Array.of(first.port >> 8, first.port & 0xff, second.port >> 8, second.port & 0xff));
    for (const address of [source, destination]) {
      writer.bytes(address);
      writer.reserve(16 - address.length);
    }
    writer.u32(0);
    writer.u32(NO_COOKIE);
    writer.u32(NO_COOKIE);
  });
}

/** Requests the TCP connections of a family with their struct tcp_info. */
export function encodeConnectionDump(family: 4 | 6): Uint8Array {
  return encodeSocketDump("tcp", family, TCP_STATES.connected, 1 << (INET_DIAG_INFO - 1));
}

/** A TCP connection with what it carried. */
export interface DiagConnection extends DiagSocket {
  /** The kernel's cookie of the socket (SO_COOKIE), which it uses once. */
  readonly id: string;
  readonly ackedBytes: number;
  readonly receivedBytes: number;
}

/** Decodes a connection of a reply to `encodeConnectionDump`; undefined without its counters. */
export function decodeConnection(message: NetlinkMessage): DiagConnection | undefined {
  const socket = decodeSocket(message);
  if (socket === undefined) return undefined;
  const { payload } = message;
  const info = attributeMap(payload, MESSAGE_BYTES).get(INET_DIAG_INFO);
  // A kernel before 4.1 has a shorter struct, without these counters.
  if (info === undefined || info.length < RECEIVED_AT + 8) return undefined;
  const counter = (at: number): number => Number(new DataView(info.buffer, info.byteOffset).getBigUint64(at, true));
  const id = `${readU32(payload, COOKIE_AT + 4).toString(16)}-${readU32(payload, COOKIE_AT).toString(16)}`;
  return { ...socket, id, ackedBytes: counter(ACKED_AT), receivedBytes: counter(RECEIVED_AT) };
}

/** Decodes the socket of a reply; undefined for other messages and families. AwgError("host") for a truncated one. */
export function decodeSocket({ type, payload }: NetlinkMessage): DiagSocket | undefined {
  if (type !== SOCK_DIAG_BY_FAMILY) return undefined;
  const number = readU8(payload, 0);
  const family = number === AF[4] ? 4 : number === AF[6] ? 6 : undefined;
  if (family === undefined) return undefined;
  return {
    family,
    local: { address: addressAt(payload, ID_AT + 4, family), port: readU16be(payload, ID_AT) },
    remote: { address: addressAt(payload, ID_AT + 20, family), port: readU16be(payload, ID_AT + 2) },
    uid: readU32(payload, UID_AT),
    inode: readU32(payload, INODE_AT),
  };
}

function addressAt(bytes: Uint8Array, at: number, family: 4 | 6): string {
  if (family === 4) return bytesToAddress(bytes.subarray(at, at + 4));
  const isMapped = bytes[at + 10] === 0xff && bytes[at + 11] === 0xff && isZero(bytes, at, at + 10);
  return bytesToAddress(isMapped ? bytes.subarray(at + 12, at + 16) : bytes.subarray(at, at + 16));
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}
