import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import type { RenderPlace } from "./conditions.ts";
import { refuse } from "./path-chains.ts";

/**
 * Protocols of what may leave: Ethernet types (IEEE 802 Numbers, IANA), and the kernel's own number for frames that bear their
 * length in place of a type (ETH_P_802_2 of if_ether.h).
 */
export const FRAME_TYPES = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  arp: 0x0806,
  eapol: 0x888e,
  slow: 0x8809,
  llc: 0x0004,
} as const;

/** IEEE 802.1Q and 802.1ad. */
const VLAN_TAGS = [0x8100, 0x88a8];
/** Of the two bytes behind such a type; 0 is no VLAN, and whoever receives it takes the frame for untagged. */
const VLAN_ID_BITS = 0x0fff;
const ARPHRD_ETHER = 1;
/**
 * What the first byte behind the frame's header may be. IPv4: its version, and its length in words of four bytes (RFC 791
 * section 3.1); IPv6: its version, and half of the traffic class (RFC 8200 section 3); ARP: half of the kind of device, of
 * which there are few (RFC 826); EAPOL: its version, 1 to 3 (IEEE 802.1X); slow protocols: LACP and its markers (IEEE 802.1AX);
 * LLC: a spanning tree's service access point. A device without headers, as of another VPN, takes for IP whatever begins
 * with a version of it.
 */
const FIRST = {
  ipv4: [0x45, 0x4f],
  ipv6: [0x60, 0x6f],
  arp: [0, 0x0f],
  eapol: [0, 0x0f],
  slow: [1, 2],
  llc: [0x42, 0x42],
} as const;
/** The largest number in place of a type that is a length (IEEE 802.3 section 3.2.6). */
const LAST_LENGTH = 1500;

/**
 * Writes the rule that refuses frames which are on the wire something else than their socket calls them (docs/security.md
 * S9.5). The kernel reads a frame by the protocol that a packet socket was told to send (packet(7), sll_protocol), the far
 * end by the type in the frame.
 */
export function writeFrameShape(place: RenderPlace, from: string, kind: keyof typeof FRAME_TYPES): void {
  const { writer, match } = place;
  const type = FRAME_TYPES[kind];
  const chain = `shape-${kind}`;
  writer.chain(chain);
  const [least, most] = FIRST[kind];
  const other = match.range("network.first", least, most, { not: true });
  writer.rule(chain, [other], refuse(), "S9.5 its header is another protocol's");
  writer.rule(chain, [isNotEthernet(place)], verdict("return"), "S9.5 the frame bears no type");
  const bears = (field: "ether.type" | "ether.inner") =>
    kind === "llc" ? match.range(field, 0, LAST_LENGTH) : match.field(field, type);
  writer.rule(chain, [bears("ether.type")], verdict("return"), "S9.5 is what it is called");
  const tagged = match.inSet("ether.type", writer.valueSet("vlan-tags", "ether.type", VLAN_TAGS));
  const inVlan = [tagged, bears("ether.inner"), match.anyBit("ether.tag", VLAN_ID_BITS)];
  writer.rule(chain, inVlan, verdict("return"), "S9.5 is what it is called, in a VLAN");
  writer.rule(chain, [], refuse(), "S9.5 is not what it is called");
  writer.rule(from, [match.field("protocol", type)], verdict("jump", chain), "S9.5 as the frame says");
}

/** The device has frames of another kind, with a header of its own. */
export function isNotEthernet({ match }: RenderPlace): Match {
  return match.field("oiftype", ARPHRD_ETHER, { not: true });
}
