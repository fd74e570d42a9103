import { ROUTE } from "../constants.ts";
import { LAYOUTS } from "../layouts.ts";
import { cutMessages, type MessageFrame } from "../route/message-frames.codec.ts";
import { cutSockaddrs, decodeNetmask, decodeSockaddr } from "../sockaddr.codec.ts";
import { malformed, readUnsigned, type StructLayout } from "../struct.codec.ts";

const IFM2 = LAYOUTS.if_msghdr2;
const IFM = LAYOUTS.if_msghdr;
const IFAM = LAYOUTS.ifa_msghdr;

/** An address of an interface. */
export interface InterfaceAddress {
  readonly index: number;
  /** Canonical text without length; the scope of a link-local address is `index`. */
  readonly address: string;
  /** Undefined for a non-contiguous netmask. */
  readonly prefixLength: number | undefined;
}

/** A change of an interface in a message of the routing socket (RTM_IFINFO): flags and MTU only. */
export interface InterfaceChange {
  readonly index: number;
  /** IFF_* bits. */
  readonly flags: number;
  readonly mtuBytes: number;
}

/** An interface with its addresses from the sysctl NET_RT_IFLIST2. */
export interface Interface extends InterfaceChange {
  readonly name: string;
  /** IFT_* of bsd/net/if_types.h. */
  readonly type: number;
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * Every interface of a dump of NET_RT_IFLIST2. Byte counters are not read: macOS rounds them.
 *
 * @throws AwgError("host") when a message is shorter than its header, cut wrong or of another version.
 */
export function decodeInterfaceList(bytes: Uint8Array): Interface[] {
  const found = new Map<number, Interface & { readonly addresses: InterfaceAddress[] }>();
  for (const frame of cutMessages(bytes)) {
    if (frame.type === ROUTE.RTM_IFINFO2) {
      const one = decodeInterface(frame.bytes);
      found.set(one.index, one);
      continue;
    }
    const address = decodeAddressChange(frame);
    if (address !== undefined) found.get(address.index)?.addresses.push(address);
  }
  return [...found.values()];
}

/** Reads RTM_IFINFO; undefined for a message of another type. Throws AwgError("host") when it is too short. */
export function decodeInterfaceChange({ type, bytes }: MessageFrame): InterfaceChange | undefined {
  if (type !== ROUTE.RTM_IFINFO) return undefined;
  demand(bytes, IFM);
  return {
    index: readUnsigned(bytes, 0, IFM.fields.ifm_index),
    flags: readUnsigned(bytes, 0, IFM.fields.ifm_flags),
    mtuBytes: readUnsigned(bytes, 0, IFM.fields["ifm_data.ifi_mtu"]),
  };
}

/**
 * Reads RTM_NEWADDR and RTM_DELADDR; undefined for a message of another type and for an address of another family.
 * Throws AwgError("host") when it is too short.
 */
export function decodeAddressChange({ type, bytes }: MessageFrame): InterfaceAddress | undefined {
  if (type !== ROUTE.RTM_NEWADDR && type !== ROUTE.RTM_DELADDR) return undefined;
  demand(bytes, IFAM);
  const slots = cutSockaddrs(bytes, IFAM.size, readUnsigned(bytes, 0, IFAM.fields.ifam_addrs));
  const own = slots[ROUTE.RTAX_IFA];
  const address = own === undefined ? undefined : decodeSockaddr(own);
  if (address?.kind !== "inet") return undefined;
  const netmask = slots[ROUTE.RTAX_NETMASK];
  return {
    index: readUnsigned(bytes, 0, IFAM.fields.ifam_index),
    address: address.address,
    prefixLength: netmask === undefined ? undefined : decodeNetmask(netmask, address.family),
  };
}

function decodeInterface(bytes: Uint8Array): Interface & { readonly addresses: InterfaceAddress[] } {
  demand(bytes, IFM2);
  const slots = cutSockaddrs(bytes, IFM2.size, readUnsigned(bytes, 0, IFM2.fields.ifm_addrs));
  const link = slots[ROUTE.RTAX_IFP];
  const named = link === undefined ? undefined : decodeSockaddr(link);
  return {
    index: readUnsigned(bytes, 0, IFM2.fields.ifm_index),
    name: named?.kind === "link" ? named.name : "",
    type: readUnsigned(bytes, 0, IFM2.fields["ifm_data.ifi_type"]),
    flags: readUnsigned(bytes, 0, IFM2.fields.ifm_flags),
    mtuBytes: readUnsigned(bytes, 0, IFM2.fields["ifm_data.ifi_mtu"]),
    addresses: [],
  };
}

function demand(bytes: Uint8Array, { size }: StructLayout): void {
  if (bytes.length < size) throw malformed(`a message about an interface of ${bytes.length} bytes`);
}
