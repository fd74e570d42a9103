import {
  type Expression,
  FIRST_REGISTER,
  type PayloadBase,
  verdict,
} from "../../../../native/linux/nftables/expression.ts";
import { HELD_NETWORK, HELD_TRANSPORT } from "../chain-names.ts";
import type { RenderPlace } from "./conditions.ts";

const EXTENSIONS = "held-extensions";
/** Headers that the kernel walks over on its way to the transport header (ipv6_ext_hdr of net/ipv6/exthdrs_core.c). */
const EXTENSION_TYPES = [0, 43, 44, 51, 60];
/** How far behind the IPv6 header extensions are held, and the least that one is longer than another (RFC 8200 section 4). */
const EXTENSION_BYTES = { most: 64, step: 8 } as const;
/**
 * The last byte that is asked for: of IPv4 and IPv6 the destination's, of ARP the sender's address's (RFC 826), of any other
 * frame the first, or of the second type where a VLAN's tag stands there (S9.5).
 */
const LAST = { ipv4: 19, ipv6: 39, arp: 17, tag: 3, first: 0 } as const;

/**
 * Writes the chains that take the bytes by which frames are judged out of their sender's hands (docs/security.md S9.6). A frame
 * out of a mapped ring (packet_mmap(7), PACKET_TX_RING) consists of its sender's own memory. A rule that writes a byte over itself
 * makes the kernel take a copy of all up to there (nft_payload_set_eval: skb_ensure_writable), and it is this copy that is
 * judged and that leaves. Where the transport header is, the kernel looks once for each base chain, before its first rule:
 * what stands before that header must be held by then, and the header itself before the chain that judges.
 *
 * To be called when the rules that judge are written: it is asked of them how much of the transport header they look at.
 *
 * @param devices those of the chain that judges
 */
export function writeHeld({ writer, match }: RenderPlace, devices: readonly string[]): void {
  const base = { type: "filter", hook: "egress", policy: "accept", devices } as const;
  const judged = transportBytes(writer.rules.flatMap(({ expressions }) => expressions));
  const held = verdict("accept");
  writer.chain(EXTENSIONS);
  for (let more: number = EXTENSION_BYTES.most; more > 0; more -= EXTENSION_BYTES.step) {
    const extension = [...overItself("network", LAST.ipv6 + more), verdict("return")];
    writer.rule(EXTENSIONS, [], extension, "S9.6 IPv6 extensions");
  }
  writer.chain(HELD_NETWORK, {
    base: { ...base, priority: -20 },
    comment: "S9.6 headers, copied before they are judged",
  });
  writer.rule(HELD_NETWORK, [match.network("ip")], [...overItself("network", LAST.ipv4), held], "S9.6 IPv4");
  writer.rule(HELD_NETWORK, [match.network("ip6")], overItself("network", LAST.ipv6), "S9.6 IPv6");
  const extended = match.inSet("ip6.nexthdr", writer.valueSet("ipv6-extensions", "ip6.nexthdr", EXTENSION_TYPES));
  writer.rule(HELD_NETWORK, [extended], verdict("jump", EXTENSIONS), "S9.6 IPv6 extensions");
  writer.rule(HELD_NETWORK, [match.network("ip6")], held, "S9.6 IPv6");
  for (const last of [LAST.arp, LAST.tag, LAST.first])
    writer.rule(HELD_NETWORK, [], [...overItself("network", last), held], "S9.6 other frames");
  writer.chain(HELD_TRANSPORT, {
    base: { ...base, priority: -10 },
    comment: "S9.6 ports, copied before they are judged",
  });
  for (const last of judged)
    writer.rule(HELD_TRANSPORT, [], [...overItself("transport", last), held], "S9.6 behind the IP header");
}

/** The byte is written as it is. */
function overItself(base: PayloadBase, offset: number): Expression[] {
  const place = { base, offset, length: 1 } as const;
  return [
    { kind: "payload", ...place, register: FIRST_REGISTER },
    { kind: "payload-set", ...place, source: FIRST_REGISTER },
  ];
}

/** The last bytes of all that is looked at behind the IP header, the last first: a packet may be too short for it, and long enough for others. */
function transportBytes(expressions: readonly Expression[]): number[] {
  const ends = expressions.flatMap((one) =>
    one.kind === "payload" && one.base === "transport" ? [one.offset + one.length - 1] : [],
  );
  return [...new Set(ends)].toSorted((a, b) => b - a);
}
