import { AwgError } from "../../../model/error.ts";
import { type Family, parseIp, renderIp } from "../../../model/ip.ts";
import { INTERFACE } from "../constants.ts";
import { LAYOUTS } from "../layouts.ts";
import { encodeInet, encodeNetmask } from "../sockaddr.codec.ts";
import { demandSize, type FieldAt, readSigned, readUnsigned, writeCharacters, writeNumber } from "../struct.codec.ts";

const IFREQ = LAYOUTS.ifreq;
const ALIAS = LAYOUTS.ifaliasreq;
const ALIAS6 = LAYOUTS.in6_aliasreq;
const IFREQ6 = LAYOUTS.in6_ifreq;

/** An ioctl about an interface: its number, its argument, and the family of the datagram socket it is made on. */
export interface InterfaceRequest {
  readonly family: Family;
  readonly request: number;
  readonly argument: Uint8Array;
}

/** SIOCSIFMTU. The driver of utun accepts any value, so the caller must check it. */
export function mtuRequest(device: string, mtuBytes: number): InterfaceRequest {
  const argument = named(IFREQ.size, IFREQ.fields.ifr_name, device);
  writeNumber(argument, 0, IFREQ.fields["ifr_ifru.ifru_mtu"], mtuBytes);
  return { family: 4, request: INTERFACE.SIOCSIFMTU, argument };
}

/** SIOCGIFMTU: fills its argument, from which `mtuOf` reads. */
export function readMtuRequest(device: string): InterfaceRequest {
  const argument = named(IFREQ.size, IFREQ.fields.ifr_name, device);
  return { family: 4, request: INTERFACE.SIOCGIFMTU, argument };
}

/** The bytes of an answered SIOCGIFMTU. AwgError("host") for a struct of another size. */
export function mtuOf({ argument }: InterfaceRequest): number {
  demandSize(argument, IFREQ.size, "ifreq");
  return readSigned(argument, 0, IFREQ.fields["ifr_ifru.ifru_mtu"]);
}

/** SIOCGIFFLAGS: fills its argument, from which `flagsOf` reads. */
export function readFlagsRequest(device: string): InterfaceRequest {
  const argument = named(IFREQ.size, IFREQ.fields.ifr_name, device);
  return { family: 4, request: INTERFACE.SIOCGIFFLAGS, argument };
}

/** The IFF_* bits of an answered SIOCGIFFLAGS. AwgError("host") for a struct of another size. */
export function flagsOf({ argument }: InterfaceRequest): number {
  demandSize(argument, IFREQ.size, "ifreq");
  return readUnsigned(argument, 0, IFREQ.fields["ifr_ifru.ifru_flags"]);
}

/** SIOCSIFFLAGS with these IFF_* bits. */
export function writeFlagsRequest(device: string, flags: number): InterfaceRequest {
  const argument = named(IFREQ.size, IFREQ.fields.ifr_name, device);
  writeNumber(argument, 0, IFREQ.fields["ifr_ifru.ifru_flags"], flags);
  return { family: 4, request: INTERFACE.SIOCSIFFLAGS, argument };
}

/**
 * Adds an address to a point-to-point interface, "10.8.0.2/32". Over IPv4 its peer is itself, as in ifconfig and
 * sing-tun. Over IPv6 it has none, as in wg-quick: the route to such a peer would replace the kernel's own to the
 * loopback (in6_ifinit of bsd/netinet6/in6.c). Without duplicate detection, with unlimited lifetime.
 */
export function addAddressRequest(device: string, addressWithLength: string): InterfaceRequest {
  const { family, address, length } = cut(addressWithLength);
  if (family === 4) {
    const argument = named(ALIAS.size, ALIAS.fields.ifra_name, device);
    argument.set(encodeInet(address), ALIAS.fields.ifra_addr[0]);
    argument.set(encodeInet(address), ALIAS.fields.ifra_broadaddr[0]);
    argument.set(encodeNetmask(4, length), ALIAS.fields.ifra_mask[0]);
    return { family, request: INTERFACE.SIOCAIFADDR, argument };
  }
  const argument = named(ALIAS6.size, ALIAS6.fields.ifra_name, device);
  argument.set(encodeInet(address), ALIAS6.fields.ifra_addr[0]);
  argument.set(encodeNetmask(6, length), ALIAS6.fields.ifra_prefixmask[0]);
  writeNumber(argument, 0, ALIAS6.fields.ifra_flags, INTERFACE.IN6_IFF_NODAD | INTERFACE.IN6_IFF_SECURED);
  writeNumber(argument, 0, ALIAS6.fields["ifra_lifetime.ia6t_vltime"], INTERFACE.ND6_INFINITE_LIFETIME);
  writeNumber(argument, 0, ALIAS6.fields["ifra_lifetime.ia6t_pltime"], INTERFACE.ND6_INFINITE_LIFETIME);
  return { family, request: INTERFACE.SIOCAIFADDR_IN6, argument };
}

/** Removes an address from an interface, without its length: an interface has an address only once. */
export function removeAddressRequest(device: string, addressWithLength: string): InterfaceRequest {
  const { family, address } = cut(addressWithLength);
  const layout = family === 4 ? IFREQ : IFREQ6;
  const argument = named(layout.size, layout.fields.ifr_name, device);
  argument.set(encodeInet(address), layout.fields["ifr_ifru.ifru_addr"][0]);
  return { family, request: family === 4 ? INTERFACE.SIOCDIFADDR : INTERFACE.SIOCDIFADDR_IN6, argument };
}

function named(size: number, field: FieldAt, device: string): Uint8Array {
  const argument = new Uint8Array(size);
  writeCharacters(argument, 0, field, device);
  return argument;
}

/** Host bits are kept, unlike a prefix's. */
function cut(text: string): { readonly family: Family; readonly address: string; readonly length: number } {
  const slash = text.indexOf("/");
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === undefined) throw new AwgError("bug", `"${text}" is not an address`);
  const full = ip.family === 4 ? 32 : 128;
  const length = slash < 0 ? full : Number(text.slice(slash + 1));
  if (!Number.isInteger(length) || length < 0 || length > full)
    throw new AwgError("bug", `"${text}" has an invalid length`);
  return { family: ip.family, address: renderIp(ip), length };
}
