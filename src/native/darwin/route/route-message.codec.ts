import { AwgError } from "../../../model/error.ts";
import type { Family } from "../../../model/ip.ts";
import { ROUTE } from "../constants.ts";
import { LAYOUTS } from "../layouts.ts";
import {
  cutSockaddrs,
  decodeNetmask,
  decodeSockaddr,
  encodeGateway,
  encodeInet,
  encodeLink,
  encodeNetmask,
  type Sockaddr,
} from "../sockaddr.codec.ts";
import { malformed, readSigned, readUnsigned, writeNumber } from "../struct.codec.ts";
import type { MessageFrame } from "./message-frames.codec.ts";

const HEADER = LAYOUTS.rt_msghdr;
const AT = HEADER.fields;

/** A message of type RTM_ADD, DELETE, CHANGE, GET or MISS. */
export interface RouteMessage {
  readonly type: number;
  /** RTF_* bits. */
  readonly flags: number;
  /** Interface of the route, 0 for none. */
  readonly index: number;
  /** The requesting process, 0 for the kernel. */
  readonly pid: number;
  readonly sequence: number;
  readonly errno: number;
  /** 0 when not set. */
  readonly mtuBytes: number;
  readonly family: Family | undefined;
  /** Canonical text without length; undefined for another address family. */
  readonly destination: string | undefined;
  /** Undefined for a non-contiguous netmask. */
  readonly prefixLength: number | undefined;
  readonly gateway: Sockaddr | undefined;
}

/**
 * The target of a route: a next hop, or an interface. The scope of a next hop is its interface; with 0 the kernel uses
 * the first interface whose network contains the address.
 */
export type NextHop = { readonly address: string; readonly scope: number } | { readonly interfaceIndex: number };

export interface RouteRequest {
  readonly type: number;
  /** RTF_* bits; RTF_HOST and RTF_GATEWAY are set here from the prefix and the next hop. */
  readonly flags: number;
  /** Canonical prefix. */
  readonly destination: { readonly family: Family; readonly address: string; readonly length: number };
  readonly nextHop?: NextHop;
  /** With RTF_IFSCOPE: the interface of the scoped route. */
  readonly index?: number;
  readonly pid: number;
  readonly sequence: number;
  /** Requests the interface in the reply (RTA_IFP). */
  readonly asksInterface?: boolean;
}

/**
 * Encodes a message for the routing socket: struct rt_msghdr and the addresses in the order of RTAX_*, all of full
 * length.
 *
 * @throws AwgError("bug") for RTF_IFSCOPE without an interface: the kernel would use the unscoped route.
 */
export function encodeRouteRequest(request: RouteRequest): Uint8Array {
  const { destination, nextHop, index = 0 } = request;
  const { family, address, length } = destination;
  const isHost = length === (family === 4 ? 32 : 128);
  if ((request.flags & ROUTE.RTF_IFSCOPE) !== 0 && index === 0) {
    throw new AwgError("bug", `a scoped route to ${address}/${length} without an interface was to be written`);
  }
  const parts = [encodeInet(address)];
  let present: number = ROUTE.RTA_DST;
  let flags = request.flags;
  if (nextHop !== undefined) {
    present |= ROUTE.RTA_GATEWAY;
    if ("address" in nextHop) flags |= ROUTE.RTF_GATEWAY;
    parts.push(
      "address" in nextHop ? encodeGateway(nextHop.address, nextHop.scope) : encodeLink(nextHop.interfaceIndex),
    );
  }
  if (isHost) flags |= ROUTE.RTF_HOST;
  else {
    present |= ROUTE.RTA_NETMASK;
    parts.push(encodeNetmask(family, length));
  }
  const by = request.asksInterface === true ? 0 : interfaceOf(nextHop);
  if (by !== undefined) {
    present |= ROUTE.RTA_IFP;
    parts.push(encodeLink(by));
  }
  return assembled(request, flags, index, present, parts);
}

/**
 * Decodes a message with a struct rt_msghdr; undefined for one of another type.
 *
 * @throws AwgError("host") when it is shorter than its header.
 */
export function decodeRouteMessage({ type, bytes }: MessageFrame): RouteMessage | undefined {
  if (!CARRIES_ROUTE.has(type)) return undefined;
  if (bytes.length < HEADER.size) throw malformed(`a message about a route of ${bytes.length} bytes`);
  const flags = readUnsigned(bytes, 0, AT.rtm_flags);
  const slots = cutSockaddrs(bytes, HEADER.size, readUnsigned(bytes, 0, AT.rtm_addrs));
  const destination = decoded(slots[ROUTE.RTAX_DST]);
  const gateway = decoded(slots[ROUTE.RTAX_GATEWAY]);
  const inet = destination?.kind === "inet" ? destination : undefined;
  return {
    type,
    flags,
    index: readUnsigned(bytes, 0, AT.rtm_index),
    pid: readSigned(bytes, 0, AT.rtm_pid),
    sequence: readSigned(bytes, 0, AT.rtm_seq),
    errno: readSigned(bytes, 0, AT.rtm_errno),
    mtuBytes: readUnsigned(bytes, 0, AT["rtm_rmx.rmx_mtu"]),
    family: inet?.family,
    destination: inet?.address,
    prefixLength: inet && lengthOf(inet, flags, slots[ROUTE.RTAX_NETMASK]),
    gateway,
  };
}

/** Sent with a gateway, since Wi-Fi and a cable may be in one network (rt_setif of bsd/net/rtsock.c). */
function interfaceOf(nextHop: NextHop | undefined): number | undefined {
  return nextHop !== undefined && "address" in nextHop && nextHop.scope !== 0 ? nextHop.scope : undefined;
}

const CARRIES_ROUTE: ReadonlySet<number> = new Set([
  ROUTE.RTM_ADD,
  ROUTE.RTM_DELETE,
  ROUTE.RTM_CHANGE,
  ROUTE.RTM_GET,
  ROUTE.RTM_MISS,
]);

function assembled(
  { type, pid, sequence }: RouteRequest,
  flags: number,
  index: number,
  present: number,
  parts: readonly Uint8Array[],
): Uint8Array {
  // Every part's length is a multiple of 4 (16, 20 and 28), so none needs padding.
  const bytes = new Uint8Array(HEADER.size + parts.reduce((sum, part) => sum + part.length, 0));
  writeNumber(bytes, 0, AT.rtm_msglen, bytes.length);
  writeNumber(bytes, 0, AT.rtm_version, ROUTE.RTM_VERSION);
  writeNumber(bytes, 0, AT.rtm_type, type);
  writeNumber(bytes, 0, AT.rtm_index, index);
  writeNumber(bytes, 0, AT.rtm_flags, flags);
  writeNumber(bytes, 0, AT.rtm_addrs, present);
  writeNumber(bytes, 0, AT.rtm_pid, pid);
  writeNumber(bytes, 0, AT.rtm_seq, sequence);
  let at: number = HEADER.size;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function decoded(bytes: Uint8Array | undefined): Sockaddr | undefined {
  return bytes === undefined ? undefined : decodeSockaddr(bytes);
}

/** A route without a netmask is to one host, except the default route, whose zero mask may be omitted. */
function lengthOf(
  { family, address }: { readonly family: Family; readonly address: string },
  flags: number,
  netmask: Uint8Array | undefined,
): number | undefined {
  const full = family === 4 ? 32 : 128;
  if ((flags & ROUTE.RTF_HOST) !== 0) return full;
  if (netmask !== undefined) return decodeNetmask(netmask, family);
  return address === "0.0.0.0" || address === "::" ? 0 : full;
}
