import { verdict } from "../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../native/linux/nftables/match.ts";
import type { RenderPlace } from "./conditions.ts";
import { refuse } from "./path-chains.ts";

/** Ethernet types of what may leave (IEEE 802 Numbers, IANA). */
export const FRAME_TYPES = { ipv4: 0x0800, ipv6: 0x86dd, arp: 0x0806, eapol: 0x888e } as const;

/** IEEE 802.1Q and 802.1ad. */
const VLAN_TAGS = [0x8100, 0x88a8];
/** Of the two bytes behind such a type; 0 is no VLAN, and whoever receives it takes the frame for untagged. */
const VLAN_ID_BITS = 0x0fff;
const ARPHRD_ETHER = 1;
/** The first byte of IPv4's header: its version, and its length in words of four bytes (RFC 791 section 3.1). */
const IPV4_FIRST = { from: 0x45, to: 0x4f } as const;
/** The first byte of IPv6's: its version, and half of the traffic class (RFC 8200 section 3). */
const IPV6_FIRST = { from: 0x60, to: 0x6f } as const;

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
  for (const other of otherHeaders(place, kind))
    writer.rule(chain, [other], refuse(), "S9.5 its header is another protocol's");
  writer.rule(chain, [isNotEthernet(place)], verdict("return"), "S9.5 the frame bears no type");
  writer.rule(chain, [match.field("ether.type", type)], verdict("return"), "S9.5 is what it is called");
  const tagged = match.inSet("ether.type", writer.valueSet("vlan-tags", "ether.type", VLAN_TAGS));
  const inVlan = [tagged, match.field("ether.inner", type), match.anyBit("ether.tag", VLAN_ID_BITS)];
  writer.rule(chain, inVlan, verdict("return"), "S9.5 is what it is called, in a VLAN");
  writer.rule(chain, [], refuse(), "S9.5 is not what it is called");
  writer.rule(from, [match.field("protocol", type)], verdict("jump", chain), "S9.5 as the frame says");
}

/** The device has frames of another kind, with a header of its own. */
export function isNotEthernet({ match }: RenderPlace): Match {
  return match.field("oiftype", ARPHRD_ETHER, { not: true });
}

function otherHeaders({ match }: RenderPlace, kind: keyof typeof FRAME_TYPES): Match[] {
  if (kind === "ipv4") return [match.range("ip.first", IPV4_FIRST.from, IPV4_FIRST.to, { not: true })];
  if (kind === "ipv6") return [match.range("ip6.first", IPV6_FIRST.from, IPV6_FIRST.to, { not: true })];
  return [];
}
