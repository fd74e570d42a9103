import { attributeMap, readU16 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage } from "../netlink/message.codec.ts";

/** Netlink's number for generic families (include/uapi/linux/netlink.h). */
export const NETLINK_GENERIC = 16;
/** The family that names the others (include/uapi/linux/genetlink.h). */
const CONTROLLER = { id: 16, getFamily: 3, familyId: 1, familyName: 2 } as const;
/** struct genlmsghdr: command, version, two reserved bytes. */
const GENERIC_HEADER_BYTES = 4;
/** include/uapi/linux/nl80211.h */
const NL80211 = { getInterface: 5, ifindex: 3, ssid: 52 } as const;
/** The longest name of a wireless network (IEEE 802.11, section 9.4.2.2). */
const MOST_SSID_BYTES = 32;

/** Asks for the number of a generic family. */
export function encodeFamilyQuestion(name: string): Uint8Array {
  return encodeMessage(CONTROLLER.id, 0, (writer) => {
    writer.bytes(Uint8Array.of(CONTROLLER.getFamily, 1, 0, 0));
    writer.attribute(CONTROLLER.familyName, new TextEncoder().encode(`${name}\0`));
  });
}

/** The number of the family; undefined if the message has none. */
export function decodeFamilyId({ payload }: Pick<NetlinkMessage, "payload">): number | undefined {
  const id = attributeMap(payload, GENERIC_HEADER_BYTES).get(CONTROLLER.familyId);
  return id === undefined || id.length < 2 ? undefined : readU16(id);
}

/** Asks nl80211 about one interface. @param family the number of nl80211 */
export function encodeInterfaceQuestion(family: number, index: number): Uint8Array {
  return encodeMessage(family, 0, (writer) => {
    writer.bytes(Uint8Array.of(NL80211.getInterface, 0, 0, 0));
    writer.attribute(NL80211.ifindex, new Uint8Array(Uint32Array.of(index).buffer));
  });
}

/** The name of the network that the interface is connected to; undefined without one, or if it is no text. */
export function decodeSsid({ payload }: Pick<NetlinkMessage, "payload">): string | undefined {
  const bytes = attributeMap(payload, GENERIC_HEADER_BYTES).get(NL80211.ssid);
  if (bytes === undefined || bytes.length === 0 || bytes.length > MOST_SSID_BYTES) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
