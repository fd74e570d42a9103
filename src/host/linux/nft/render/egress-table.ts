import type { FirewallPolicy, PathRef, PolicyLayer } from "../../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath, NFT_TABLE, PATH_NUMBERS, TABLE_MARK } from "../../../../model/ownership.ts";
import { type Expression, verdict } from "../../../../native/linux/nftables/expression.ts";
import { type Match, setMark } from "../../../../native/linux/nftables/match.ts";
import { FRAMES, NEIGHBOURS } from "./chain-names.ts";
import type { RenderPlace } from "./chains/conditions.ts";
import { writeAllowInAnswers, writeOwnOut } from "./chains/grant-rules.ts";
import { writeLinkOut, writeRestMissing } from "./chains/link-rules.ts";
import { refuse, writePathRules } from "./chains/path-chains.ts";
import { type InetTableOptions, ownAddresses, placeIn, writeRefused } from "./inet-table.ts";
import { prefixesOf, type RenderedTable, TableWriter } from "./table-writer.ts";

const IPPROTO_FRAGMENT = 44;
/** ETH_P_PAE and ETH_P_SLOW of if_ether.h. */
const EAPOL = 0x888e;
const LACP = 0x8809;
const PACKETS = "packets";
const pass = () => verdict("return");

/**
 * Renders the netdev table, which judges frames where they leave a physical device, also those that root writes past
 * the IP stack (chapter S9), and marks ARP where it arrives (S6.6).
 *
 * @param devices the physical devices, by name: a pattern would make nft 1.0.6 hang when it lists the table
 */
export function renderEgressTable(
  policy: FirewallPolicy,
  devices: readonly string[],
  { owned }: Pick<InetTableOptions, "owned">,
): RenderedTable {
  const writer = new TableWriter({ family: "netdev", name: NFT_TABLE, owned, persistent: owned, comment: TABLE_MARK });
  const place = placeIn("netdev", writer, policy);
  const guarded = policy.layers.some((layer) => layer.killSwitch);
  writeRefused(place);
  writePackets(place, policy);
  writeNeighbours(place, devices);
  writer.chain(FRAMES, {
    base: { type: "filter", hook: "egress", priority: 0, policy: guarded ? "drop" : "accept", devices },
    comment: "S9 frames leaving physical devices",
  });
  writer.rule(
    FRAMES,
    [place.match.anyBit("mark", MARK_MASK)],
    verdict("accept"),
    "S9.3 judged by the IP stack's hooks",
  );
  writeArp(place, policy);
  writer.rule(FRAMES, [place.match.network("ip")], verdict("goto", PACKETS), "S9.1 IPv4");
  writer.rule(FRAMES, [place.match.network("ip6")], verdict("goto", PACKETS), "S9.1 IPv6");
  for (const type of guarded ? [EAPOL, LACP] : [])
    writer.rule(FRAMES, [place.match.field("protocol", type)], verdict("accept"), "S2.7 EAPOL and LACP");
  writer.rule(FRAMES, [], guarded ? refuse() : verdict("accept"), "S2.7 other frames");
  return writer.finish();
}

/**
 * Before ARP is answered the kernel looks for a way to who asks, as it does for packets (arp_process of net/ipv4/arp.c), and
 * the table inet sees no ARP.
 */
function writeNeighbours({ writer, match }: RenderPlace, devices: readonly string[]): void {
  writer.chain(NEIGHBOURS, {
    base: { type: "filter", hook: "ingress", priority: 0, policy: "accept", devices },
    comment: "S6.6 ARP requests",
  });
  const marked = [...setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK), verdict("accept")];
  writer.rule(NEIGHBOURS, [match.network("arp")], marked, "S6.6 by a physical device");
}

function writeArp({ writer, match }: RenderPlace, policy: FirewallPolicy): void {
  const addresses = policy.layers.flatMap((layer) => layer.tunnels).flatMap((tunnel) => tunnel.addresses);
  for (const address of new Set(prefixesOf(4, addresses))) {
    writer.rule(FRAMES, [match.field("arp.saddr", address)], refuse(), "S2.7 ARP announcing a tunnel's address");
  }
  writer.rule(FRAMES, [match.network("arp")], verdict("accept"), "S2.7 ARP");
}

function writePackets(place: RenderPlace, policy: FirewallPolicy): void {
  const { writer } = place;
  writer.chain(PACKETS);
  for (const own of ownAddresses(place, "saddr", policy)) {
    writer.rule(PACKETS, [own], refuse(), "S2.2 source is a tunnel's address");
  }
  writeLinkOut(place, PACKETS, verdict("accept"), true);
  for (const [index, layer] of policy.layers.entries()) {
    const chain = writeLayer(place, layer, policy.layers.length > 1 ? `-${index + 1}` : "");
    writer.rule(PACKETS, [], verdict("jump", chain), "S1.2 every layer accepts");
  }
  writer.rule(PACKETS, [], verdict("accept"), "S1.2 every layer has accepted");
}

function writeLayer(place: RenderPlace, layer: PolicyLayer, suffix: string): string {
  const [chain, fragments] = [`out${suffix}`, `fragments${suffix}`];
  place.writer.chain(fragments);
  place.writer.chain(chain);
  for (const isFragment of laterFragment(place)) {
    place.writer.rule(chain, [isFragment], verdict("goto", fragments), "S9.2 later fragments have no ports");
  }
  if (layer.killSwitch) writeRestMissing(place, chain);
  writeChecks(place, layer, chain, false);
  writeChecks(place, layer, fragments, true);
  return chain;
}

function writeChecks(place: RenderPlace, layer: PolicyLayer, chain: string, fragments: boolean): void {
  writeOwnOut(place, chain, layer, fragments);
  if (layer.killSwitch) writeAllowInAnswers(place, chain, layer, fragments ? "fragment" : "port");
  const take = (path: PathRef, { dns }: { dns: boolean }): Expression => {
    const passes = layer.killSwitch || dns ? path.kind === "direct" : path.kind !== "block";
    return passes ? pass() : refuse();
  };
  writePathRules(place, { chain, steering: layer.flows, layer, take, fragments });
}

/** Not the first fragment: an offset other than 0 (RFC 791 section 3.1, RFC 8200 section 4.5). */
function laterFragment({ match }: RenderPlace): Match[] {
  const header: Expression = {
    kind: "exthdr",
    protocol: "ipv6",
    type: IPPROTO_FRAGMENT,
    offset: 2,
    length: 2,
    presenceOnly: false,
    register: 1,
  };
  const offset: Expression = {
    kind: "bitwise",
    source: 1,
    register: 1,
    length: 2,
    mask: Uint8Array.of(0xff, 0xf8),
    xor: new Uint8Array(2),
  };
  const notZero: Expression = { kind: "cmp", operator: "neq", register: 1, data: new Uint8Array(2) };
  return [match.anyBit("ip.fragment", 0x1fff), [...match.network("ip6"), header, offset, notZero]];
}
