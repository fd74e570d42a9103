import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { RenderPlace } from "./conditions.ts";
import { FRAME_TYPES, isNotEthernet } from "./frame-shape-chain.ts";
import { hasSocket } from "./link-rules.ts";

/** Group addresses that no bridge hands on (IEEE 802.1Q table 8-1); a bridge's own may be set to any but three of them. */
const TREES = [Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0), Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0x0f)] as const;
/** Of the slow protocols (IEEE 802.3 annex 57A). */
const SLOW = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 2);
/** An LACPDU in its frame, the longest of all (IEEE 802.1AX section 6.4.2); a BPDU has 52. */
const MOST_BYTES = 124;
/** What was not received: frames that are handed on bear how they came (PACKET_HOST, if_packet.h). */
const MADE_HERE = 0;

/**
 * Writes the rule that lets the kernel's own spanning tree (br_stp_bpdu.c) and link aggregation (bond_3ad.c) out: what no
 * socket sent, nobody handed on, and is of the shape of theirs (docs/security.md S2.8).
 */
export function writeKernelFrames(place: RenderPlace, from: string): void {
  const { writer, match } = place;
  const chain = "kernel-frames";
  writer.chain(chain);
  writer.rule(chain, [hasSocket(place)], verdict("return"), "S2.8 sent by a process");
  writer.rule(chain, [isNotEthernet(place)], verdict("return"), "S2.8 the frame bears no address of Ethernet's");
  const own = [match.field("pkttype", MADE_HERE), match.range("length", 0, MOST_BYTES)];
  const tree = [match.field("protocol", FRAME_TYPES.llc), match.range("ether.daddr", ...TREES)];
  writer.rule(chain, [...tree, ...own], verdict("accept"), "S2.8 spanning tree");
  const bond = [match.field("protocol", FRAME_TYPES.slow), match.field("ether.daddr", SLOW)];
  writer.rule(chain, [...bond, ...own], verdict("accept"), "S2.8 LACP");
  writer.rule(from, [], verdict("jump", chain), "S2.8 by the kernel alone");
}
