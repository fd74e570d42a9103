import { type Expression, FIRST_REGISTER, verdict } from "../../../../native/linux/nftables/expression.ts";
import { HELD } from "../chain-names.ts";
import type { RenderPlace } from "./conditions.ts";

/** Headers that the kernel walks over on its way to the transport header (ipv6_ext_hdr of net/ipv6/exthdrs_core.c). */
const EXTENSION_TYPES = [0, 43, 44, 51, 60];
/** Version and length of an IPv4 header without options (RFC 791 section 3.1). */
const WITHOUT_OPTIONS = 0x45;
/** How long what stands before the transport header may be, in bytes, at least and at most; extensions of IPv6 are held as far as this. */
const BEFORE = { plainIpv4: [20, 20], ipv4: [20, 60], plainIpv6: [40, 40], ipv6: [40, 104] } as const;
/** IPv4's options, the authentication header of IPv6 and each transport header come in words (RFC 791 section 3.1, RFC 4302 section 2.2). */
const WORD_BYTES = 4;
/**
 * The last byte that is asked for: of IPv4 and IPv6 the destination's, of ARP the sender's address's (RFC 826), of any other
 * frame the first, or of the second type where a VLAN's tag stands there (S9.5).
 */
const LAST = { ipv4: 19, ipv6: 39, arp: 17, tag: 3, first: 0 } as const;

/**
 * Writes the chain that takes the bytes by which frames are judged out of their sender's hands (docs/security.md S9.6). A frame
 * out of a mapped ring (packet_mmap(7), PACKET_TX_RING) consists of its sender's own memory. A rule that writes a byte over itself
 * makes the kernel take a copy of all up to there (nft_payload_set_eval: skb_ensure_writable), and it is this copy that is
 * judged and that leaves. A frame that is too short for a byte is asked for the next one before it.
 *
 * Places are counted from the network header. Before Linux 6.7 a rule at egress writes elsewhere than it reads where it counts from
 * the transport header (mended by 0ae8e4cca787, "set transport offset from mac header for netdev/egress").
 *
 * To be called when the rules that judge are written: it is asked of them how much of the transport header they look at.
 *
 * @param devices those of the chain that judges
 */
export function writeHeld({ writer, match }: RenderPlace, devices: readonly string[]): void {
  const judged = transportBytes(writer.rules.flatMap(({ expressions }) => expressions));
  const hold = (chain: string, places: readonly number[], comment: string) => {
    for (const place of places) writer.rule(chain, [], [...overItself(place), verdict("accept")], comment);
  };
  const holdBehind = (chain: string, [least, most]: readonly [number, number], comment: string) =>
    hold(chain, lastOfWords(least, most + judged), comment);
  writer.chain("held-options");
  holdBehind("held-options", BEFORE.ipv4, "S9.6 behind IPv4 and its options");
  writer.chain("held-ipv4");
  const hasOptions = match.field("network.first", WITHOUT_OPTIONS, { not: true });
  writer.rule("held-ipv4", [hasOptions], verdict("goto", "held-options"), "S9.6 IPv4 with options");
  holdBehind("held-ipv4", BEFORE.plainIpv4, "S9.6 behind IPv4");
  writer.chain("held-extensions");
  holdBehind("held-extensions", BEFORE.ipv6, "S9.6 behind IPv6 and its extensions");
  writer.chain("held-ipv6");
  const extended = match.inSet("ip6.nexthdr", writer.valueSet("ipv6-extensions", "ip6.nexthdr", EXTENSION_TYPES));
  writer.rule("held-ipv6", [extended], verdict("goto", "held-extensions"), "S9.6 IPv6 with extensions");
  holdBehind("held-ipv6", BEFORE.plainIpv6, "S9.6 behind IPv6");
  writer.chain(HELD, {
    base: { type: "filter", hook: "egress", priority: -10, policy: "accept", devices },
    comment: "S9.6 what frames are judged by, copied before",
  });
  // What tells how long a header is is asked for when it is held.
  for (const [version, chain, last] of [
    ["ip", "held-ipv4", LAST.ipv4],
    ["ip6", "held-ipv6", LAST.ipv6],
  ] as const) {
    writer.rule(HELD, [match.network(version)], overItself(last), "S9.6 the IP header");
    writer.rule(HELD, [match.network(version)], verdict("jump", chain), "S9.6 behind the IP header");
  }
  hold(HELD, [LAST.arp, LAST.tag, LAST.first], "S9.6 other frames");
}

/** Writes a byte as it is. */
function overItself(offset: number): Expression[] {
  const place = { base: "network", offset, length: 1 } as const;
  return [
    { kind: "payload", ...place, register: FIRST_REGISTER },
    { kind: "payload-set", ...place, source: FIRST_REGISTER },
  ];
}

/** How many bytes are looked at behind the IP header. */
function transportBytes(expressions: readonly Expression[]): number {
  return expressions.reduce(
    (most, one) =>
      one.kind === "payload" && one.base === "transport" ? Math.max(most, one.offset + one.length) : most,
    0,
  );
}

/** The last byte of each word between two places, the last word first. */
function lastOfWords(from: number, to: number): number[] {
  const words = Math.ceil((to - from) / WORD_BYTES);
  return Array.from({ length: words }, (_, word) => from + WORD_BYTES * (words - word) - 1);
}
