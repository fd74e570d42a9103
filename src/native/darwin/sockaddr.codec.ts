import { AwgError } from "../../model/error.ts";
import { type Family, ipFromBytes, ipToBytes, parseIp, renderIp } from "../../model/ip.ts";
import { SOCKET } from "./constants.ts";
import { LAYOUTS } from "./layouts.ts";
import { readCharacters, readUnsigned, writeNumber } from "./struct.codec.ts";

const IN = LAYOUTS.sockaddr_in;
const IN6 = LAYOUTS.sockaddr_in6;
const DL = LAYOUTS.sockaddr_dl;

/** An internet address in a sockaddr. */
export interface InetSockaddr {
  readonly kind: "inet";
  readonly family: Family;
  /** Canonical text, without a zone. */
  readonly address: string;
  readonly port: number;
  /** Index of the interface of a link-local address, 0 when there is none. */
  readonly scope: number;
}

/** An interface: its index, and its name when present. */
export interface LinkSockaddr {
  readonly kind: "link";
  readonly index: number;
  readonly name: string;
}

/** A decoded struct sockaddr; `other` for families that awg does not use, including AF_UNSPEC. */
export type Sockaddr = InetSockaddr | LinkSockaddr | { readonly kind: "other"; readonly family: number };

/** struct sockaddr_in or sockaddr_in6 of full length. Throws AwgError("bug") for an invalid address. */
export function encodeInet(address: string, { port = 0, scope = 0 } = {}): Uint8Array {
  const octets = octetsOf(address);
  const is4 = octets.length === 4;
  const bytes = new Uint8Array(is4 ? IN.size : IN6.size);
  bytes[0] = bytes.length;
  bytes[1] = is4 ? SOCKET.AF_INET : SOCKET.AF_INET6;
  bytes.set([port >> 8, port & 0xff], IN.fields.sin_port[0]);
  bytes.set(octets, is4 ? IN.fields.sin_addr[0] : IN6.fields.sin6_addr[0]);
  if (!is4) writeNumber(bytes, 0, IN6.fields.sin6_scope_id, scope);
  return bytes;
}

/**
 * A gateway in a routing message: the scope of a link-local address is in its bytes 2 and 3 (the KAME form), which
 * every version of macOS accepts (route_output of bsd/net/rtsock.c).
 */
export function encodeGateway(address: string, scope: number): Uint8Array {
  const bytes = encodeInet(address);
  const at = IN6.fields.sin6_addr[0];
  if (bytes.length === IN6.size && isLinkScoped(bytes.subarray(at))) bytes.set([scope >> 8, scope & 0xff], at + 2);
  return bytes;
}

/** A netmask of full length: macOS 14.6 refuses one with sa_len 0, macOS 15 stops reading the message there. */
export function encodeNetmask(family: Family, prefixLength: number): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? IN.size : IN6.size);
  bytes[0] = bytes.length;
  bytes[1] = family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6;
  const at = maskOffset(family);
  for (let bit = 0; bit < prefixLength; bit++) {
    const index = at + (bit >> 3);
    bytes[index] = (bytes[index] ?? 0) | (0x80 >> (bit & 7));
  }
  return bytes;
}

/** struct sockaddr_dl with an interface index: the gateway of a route without a next hop. */
export function encodeLink(index: number): Uint8Array {
  const bytes = new Uint8Array(DL.size);
  bytes[0] = DL.size;
  bytes[1] = SOCKET.AF_LINK;
  writeNumber(bytes, 0, DL.fields.sdl_index, index);
  return bytes;
}

/**
 * Decodes a sockaddr. Bytes past its sa_len count as zero, as the kernel trims them; sa_len 0 with an internet family
 * is the zero address.
 */
export function decodeSockaddr(bytes: Uint8Array): Sockaddr {
  const family = bytes[1] ?? SOCKET.AF_UNSPEC;
  if (family === SOCKET.AF_INET) return decodeInet(filled(bytes, IN.size), 4);
  if (family === SOCKET.AF_INET6) return decodeInet(filled(bytes, IN6.size), 6);
  if (family !== SOCKET.AF_LINK) return { kind: "other", family };
  const full = filled(bytes, Math.max(DL.size, bytes.length));
  const nameLength = readUnsigned(full, 0, DL.fields.sdl_nlen);
  return {
    kind: "link",
    index: readUnsigned(full, 0, DL.fields.sdl_index),
    name: readCharacters(full, 0, [DL.fields.sdl_data[0], nameLength]),
  };
}

/**
 * The prefix length of a netmask, whose family byte is undefined and whose trailing zeros are trimmed (sa_trim of
 * bsd/net/route.c); undefined for a non-contiguous mask.
 */
export function decodeNetmask(bytes: Uint8Array, family: Family): number | undefined {
  const at = maskOffset(family);
  const mask = filled(bytes, at + (family === 4 ? 4 : 16)).subarray(at);
  let length = 0;
  for (const byte of mask) {
    const ones = Math.clz32(~(byte << 24));
    length += ones;
    if (ones < 8) break;
  }
  const wanted = encodeNetmask(family, length).subarray(at, at + mask.length);
  return mask.every((byte, index) => byte === wanted[index]) ? length : undefined;
}

/**
 * Splits the address area of a routing message: one slice for each bit of `present`, at its RTAX number. Each advances
 * by sa_len rounded up to 4, at least 4 (ROUNDUP32); the last may be truncated, or missing although its bit is set.
 */
export function cutSockaddrs(bytes: Uint8Array, start: number, present: number): readonly (Uint8Array | undefined)[] {
  const found: (Uint8Array | undefined)[] = [];
  let at = start;
  for (let slot = 0; slot < 8; slot++) {
    const length = bytes[at];
    if ((present & (1 << slot)) === 0 || length === undefined) {
      found.push(undefined);
      continue;
    }
    found.push(bytes.subarray(at, at + (length === 0 ? 4 : length)));
    at += Math.max(4, (length + 3) & ~3);
  }
  return found;
}

function decodeInet(bytes: Uint8Array, family: Family): InetSockaddr {
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === 4) {
    return { kind: "inet", family, address: textOf(bytes.subarray(IN.fields.sin_addr[0], 8)), port, scope: 0 };
  }
  const octets = bytes.slice(IN6.fields.sin6_addr[0], IN6.fields.sin6_addr[0] + 16);
  let scope = readUnsigned(bytes, 0, IN6.fields.sin6_scope_id);
  if (isLinkScoped(octets)) {
    if (scope === 0) scope = ((octets[2] ?? 0) << 8) | (octets[3] ?? 0);
    octets.fill(0, 2, 4);
  }
  return { kind: "inet", family, address: textOf(octets), port, scope };
}

/** fe80::/10 and ff02::/16: the addresses in which the kernel embeds a scope. */
function isLinkScoped(octets: Uint8Array): boolean {
  const [first = 0, second = 0] = octets;
  return first === 0xfe ? (second & 0xc0) === 0x80 : first === 0xff && (second & 0x0f) === 2;
}

/** The first sa_len bytes, filled with zeros to `size`. */
function filled(bytes: Uint8Array, size: number): Uint8Array {
  const full = new Uint8Array(size);
  full.set(bytes.subarray(0, Math.min(bytes[0] ?? 0, size, bytes.length)));
  return full;
}

function maskOffset(family: Family): number {
  return family === 4 ? IN.fields.sin_addr[0] : IN6.fields.sin6_addr[0];
}

function octetsOf(address: string): Uint8Array {
  const ip = parseIp(address);
  if (ip === undefined) throw new AwgError("bug", `"${address}" is not an IP address`);
  return ipToBytes(ip);
}

function textOf(octets: Uint8Array): string {
  const ip = ipFromBytes(octets);
  if (ip === undefined) throw new AwgError("bug", `${octets.length} bytes are no IP address`);
  return renderIp(ip);
}
