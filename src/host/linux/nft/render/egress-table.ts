import type { FirewallPolicy, PathRef, PolicyLayer } from "../../../../model/firewall/policy.ts";
import { MARK_MASK, NFT_TABLE, TABLE_MARK } from "../../../../model/ownership.ts";
import { steeringOfFrames } from "../../../../model/program/class-rules.ts";
import type { ChainBase } from "../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, verdict } from "../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../native/linux/nftables/match.ts";
import type { NewTable } from "../../../../native/linux/nftables/table.codec.ts";
import { FRAGMENT_PATHS, FRAME_PATHS, FRAMES } from "./chain-names.ts";
import { ownAddresses, placeIn, prefixesOf, type RenderPlace } from "./chains/conditions.ts";
import { allowInAnswers, ownOut } from "./chains/grant-rules.ts";
import { linkOut, restMissing } from "./chains/link-rules.ts";
import { pathRules } from "./chains/path-chains.ts";
import { block, REFUSED, refuse } from "./chains/refused-chain.ts";
import type { InetTableOptions } from "./inet-table.ts";
import { type Chain, type RenderedTable, type Rule, renderedTable, rule } from "./rendered-table.ts";

const IPPROTO_FRAGMENT = 44;
/** ETH_P_PAE and ETH_P_SLOW of if_ether.h. */
const EAPOL = 0x888e;
const LACP = 0x8809;
const PACKETS = "packets";
const pass = () => verdict("return");

/**
 * Renders the netdev table, which judges frames where they leave a physical device, also those that root writes past
 * the IP stack (chapter S9).
 *
 * @param devices the physical devices, by name: a pattern would make nft 1.0.6 hang when it lists the table
 */
export function renderEgressTable(
  policy: FirewallPolicy,
  devices: readonly string[],
  { owned }: Pick<InetTableOptions, "owned">,
): RenderedTable {
  const table: NewTable = { family: "netdev", name: NFT_TABLE, owned, persistent: owned, comment: TABLE_MARK };
  const place = placeIn("netdev", policy);
  return renderedTable(table, place.sets, [
    REFUSED,
    ...packetChains(place, policy),
    framesChain(place, policy, devices),
  ]);
}

function framesChain(place: RenderPlace, policy: FirewallPolicy, devices: readonly string[]): Chain {
  const { match } = place;
  const guarded = policy.layers.some((layer) => layer.killSwitch);
  const rules = [
    rule([match.anyBit("mark", MARK_MASK)], verdict("accept"), "S9.3 judged by the IP stack's hooks"),
    ...prefixesOf(4, place.ownAddresses).map((address) =>
      rule([match.field("arp.saddr", address)], refuse(), "S2.7 ARP announcing a tunnel's address"),
    ),
    rule([match.network("arp")], verdict("accept"), "S2.7 ARP"),
    rule([match.network("ip")], verdict("goto", PACKETS), "S9.1 IPv4"),
    rule([match.network("ip6")], verdict("goto", PACKETS), "S9.1 IPv6"),
    ...(guarded ? [EAPOL, LACP] : []).map((type) =>
      rule([match.field("protocol", type)], verdict("accept"), "S2.7 EAPOL and LACP"),
    ),
    rule([], guarded ? refuse() : verdict("accept"), "S2.7 other frames"),
  ];
  const hook: ChainBase = { type: "filter", hook: "egress", priority: 0, policy: guarded ? "drop" : "accept", devices };
  return { name: FRAMES, hook, comment: "S9 frames leaving physical devices", rules };
}

/** The chain that judges IP packets, and those that it uses. */
function packetChains(place: RenderPlace, policy: FirewallPolicy): Chain[] {
  const own = ownAddresses(place, "saddr").map((address) =>
    rule([address], refuse(), "S2.2 source is a tunnel's address"),
  );
  const link = linkOut(place, PACKETS, verdict("accept"), true);
  const layers = policy.layers.map((layer, index) =>
    outChains(place, layer, policy.layers.length > 1 ? `-${index + 1}` : ""),
  );
  const rules = [
    ...own,
    ...link.rules,
    ...layers.map(({ out }) => rule([], verdict("jump", out.name), "S1.2 every layer accepts")),
    rule([], verdict("accept"), "S1.2 every layer has accepted"),
  ];
  return [{ name: PACKETS, rules }, ...link.chains, ...layers.flatMap(({ fragments, out }) => [fragments, out])];
}

/** The chain of a layer, and its chain of later fragments. */
function outChains(
  place: RenderPlace,
  layer: PolicyLayer,
  suffix: string,
): Readonly<Record<"fragments" | "out", Chain>> {
  const fragments = `${FRAGMENT_PATHS}${suffix}`;
  const isFragment = laterFragments(place).map((some) =>
    rule([some], verdict("goto", fragments), "S9.2 later fragments have no ports"),
  );
  const missing = layer.killSwitch ? restMissing(place) : [];
  const out = [...isFragment, ...missing, ...layerRules(place, layer, false)];
  return {
    fragments: { name: fragments, rules: layerRules(place, layer, true) },
    out: { name: `${FRAME_PATHS}${suffix}`, rules: out },
  };
}

function layerRules(place: RenderPlace, layer: PolicyLayer, fragments: boolean): Rule[] {
  const take = (path: PathRef, { dns }: { dns: boolean }) => {
    if (path.kind === "block") return block();
    const passes = layer.killSwitch || dns ? path.kind === "direct" : true;
    return passes ? pass() : refuse();
  };
  return [
    ...ownOut(place, layer, fragments),
    ...(layer.killSwitch ? allowInAnswers(place, layer, fragments ? "fragment" : "port") : []),
    ...pathRules(place, { steering: steeringOfFrames(layer.flows), layer, take, fragments }),
  ];
}

/** Not the first fragment: an offset other than 0 (RFC 791 section 3.1, RFC 8200 section 4.5). */
function laterFragments({ match }: RenderPlace): Match[] {
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
