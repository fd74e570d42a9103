import { addressToBytes, bytesToAddress, prefixToBytes } from "../address.codec.ts";
import { attributeMap, type MessageWriter, readText, readU8, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { AF, familyNumber, familyOf, RTM } from "./rtnetlink-constants.ts";

const IFA = { address: 1, local: 2, label: 3, broadcast: 4, flags: 8, protocol: 11 } as const;
const HEADER_BYTES = 8;

/** Address flags (IFA_F_*). */
export const ADDRESS_FLAG = {
  secondary: 0x01,
  noDad: 0x02,
  dadFailed: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  manageTemporary: 0x100,
  noPrefixRoute: 0x200,
} as const;

/** One address of a link. */
export interface InterfaceAddress {
  readonly family: 4 | 6;
  readonly linkIndex: number;
  /** The address with its prefix length, host bits kept: "10.8.0.2/24". */
  readonly address: string;
  /** The peer's address of a point-to-point link. */
  readonly peer?: string;
  /** 0 universe, 253 link, 254 host. */
  readonly scope: number;
  /** Bits of ADDRESS_FLAG. */
  readonly flags: number;
  /** The creator (IFA_PROTO, kernel 5.18 and later); 0 when not set. */
  readonly protocol: number;
  readonly label?: string;
  readonly broadcast?: string;
}

/** Requests all addresses, or those of one link. */
export function encodeAddressDump(linkIndex = 0): Uint8Array {
  return encodeMessage(RTM.getAddress, NLM.dump, (writer) => {
    writer.u32(AF.unspec);
    writer.u32(linkIndex);
  });
}

/** Adds the address; with `replace` an existing one with the same prefix gets the new flags. */
export function encodeAddressAddition(address: InterfaceAddress, replace = false): Uint8Array {
  const flags = NLM.create | (replace ? NLM.replace : NLM.exclusive);
  return encodeMessage(RTM.newAddress, flags, (writer) => {
    writeAddress(writer, address);
    writer.attributeU32(IFA.flags, address.flags);
    if (address.protocol !== 0) writer.attributeU8(IFA.protocol, address.protocol);
    if (address.broadcast !== undefined) writer.attribute(IFA.broadcast, addressToBytes(address.broadcast));
  });
}

/** Removes an address. */
export function encodeAddressDeletion(address: InterfaceAddress): Uint8Array {
  return encodeMessage(RTM.deleteAddress, 0, (writer) => writeAddress(writer, address));
}

/** The address of an RTM_NEWADDR or RTM_DELADDR; undefined for other messages and families. */
export function decodeAddress({ type, payload }: NetlinkMessage): InterfaceAddress | undefined {
  if (type !== RTM.newAddress && type !== RTM.deleteAddress) return undefined;
  const family = familyOf(readU8(payload, 0));
  if (family === undefined) return undefined;
  const attributes = attributeMap(payload, HEADER_BYTES);
  const listed = attributes.get(IFA.address);
  const local = attributes.get(IFA.local) ?? listed;
  if (local === undefined) return undefined;
  const address = bytesToAddress(local);
  const peer = listed === undefined ? address : bytesToAddress(listed);
  const [flags, label, broadcast] = [
    attributes.get(IFA.flags),
    attributes.get(IFA.label),
    attributes.get(IFA.broadcast),
  ];
  const protocol = attributes.get(IFA.protocol);
  return {
    family,
    linkIndex: readU32(payload, 4),
    address: `${address}/${readU8(payload, 1)}`,
    scope: readU8(payload, 3),
    flags: flags === undefined ? readU8(payload, 2) : readU32(flags),
    protocol: protocol === undefined ? 0 : readU8(protocol),
    ...(peer === address ? {} : { peer }),
    ...(label === undefined ? {} : { label: readText(label) }),
    ...(broadcast === undefined ? {} : { broadcast: bytesToAddress(broadcast) }),
  };
}

function writeAddress(
  writer: MessageWriter,
  { address, family, scope, linkIndex, peer, label }: InterfaceAddress,
): void {
  const local = prefixToBytes(address);
  writer.u8(familyNumber(family));
  writer.u8(local.length);
  writer.u8(0);
  writer.u8(scope);
  writer.u32(linkIndex);
  writer.attribute(IFA.local, local.address);
  writer.attribute(IFA.address, peer === undefined ? local.address : addressToBytes(peer));
  if (label !== undefined) writer.attributeText(IFA.label, label);
}
