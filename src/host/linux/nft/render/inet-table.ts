import { flowMemoryOf } from "../../../../model/firewall/flow-memory.ts";
import { LOOPBACK_DEVICE, PROTOCOL } from "../../../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import {
  IDENTITY_CHAIN,
  MARK_MASK,
  markOfPath,
  NFT_TABLE,
  PATH_NUMBERS,
  TABLE_MARK,
} from "../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { counter, verdict } from "../../../../native/linux/nftables/expression.ts";
import { type Match, matchIn, setMark } from "../../../../native/linux/nftables/match.ts";
import { REFUSED_CHAIN } from "./chain-names.ts";
import { writeArriving } from "./chains/arriving-chain.ts";
import { onTunnel, type RenderPlace } from "./chains/conditions.ts";
import { isReply } from "./chains/grant-rules.ts";
import { isJudged, remembersVerdicts, writeRemember } from "./chains/judged-flows.ts";
import { type LayerChains, writeLayer } from "./chains/layer-chains.ts";
import { writeLinkIn, writeLinkOut, writeRestMissing } from "./chains/link-rules.ts";
import { refuse } from "./chains/path-chains.ts";
import { writeSteering } from "./chains/steering-chain.ts";
import { prefixesOf, type RenderedTable, TableWriter } from "./table-writer.ts";

/**
 * Packets sent here are judged in postrouting: the output hook still shows the device from before the mark sent the
 * packet elsewhere. 50 is before source NAT (100).
 */
const LEAVING_PRIORITY = 50;
/** After source NAT: what stands in the packet now stands on the wire. */
const SOURCE_PRIORITY = 200;
const NOBODY_ELSE = "S2.3 sender claims a tunnel's address";

/**
 * How the table is made: named after its policy's hash, owned by who loads it,
 * and the devices by which default routes lead.
 */
export interface InetTableOptions {
  readonly identity: string;
  readonly owned: boolean;
  readonly uplinks: readonly string[];
}

/** Renders the inet table: steering, marking what arrives, then judging what leaves, enters and crosses (chapters S1–S8). */
export function renderInetTable(policy: FirewallPolicy, { identity, owned, uplinks }: InetTableOptions): RenderedTable {
  const writer = new TableWriter({ family: "inet", name: NFT_TABLE, owned, persistent: owned, comment: TABLE_MARK });
  const place = placeIn("inet", writer, policy);
  writer.chain(IDENTITY_CHAIN, { comment: identity });
  const remembers = remembersVerdicts(policy);
  if (remembers) writeRemember(place);
  writeRefused(place);
  writeSteering(place, policy);
  writeArriving(place, policy, uplinks);
  const memory = flowMemoryOf(policy);
  const classes = memory.kind === "kept" ? memory.classes : undefined;
  const layers = policy.layers.map((layer, index) =>
    writeLayer(place, layer, policy.layers.length > 1 ? `-${index + 1}` : "", { classes, remembers }),
  );
  const guarded = policy.layers.some((layer) => layer.killSwitch) ? "drop" : "accept";
  writeLeaving(place, layers, guarded, remembers);
  writeSourceGuard(place, policy);
  writeEntering(place, policy, layers, guarded);
  writeCrossing(place, policy, layers, guarded);
  return writer.finish();
}

/** The place of the rules of one table. */
export function placeIn(family: "inet" | "netdev", writer: TableWriter, { layers }: FirewallPolicy): RenderPlace {
  const devices = layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device));
  return { writer, match: matchIn(family), tunnelDevices: [...new Set(devices)] };
}

/** Counts and drops. */
export function writeRefused({ writer }: RenderPlace): void {
  writer.chain(REFUSED_CHAIN);
  writer.rule(REFUSED_CHAIN, [], [counter(), verdict("drop")], "S1.5 refused");
}

/** Addresses of the policy's tunnels as the source or destination of a packet, one alternative per family. */
export function ownAddresses({ writer, match }: RenderPlace, side: "saddr" | "daddr", policy: FirewallPolicy): Match[] {
  const addresses = [...new Set(policy.layers.flatMap((layer) => layer.tunnels).flatMap((tunnel) => tunnel.addresses))];
  return ([4, 6] as const).flatMap((family) => {
    const mine = prefixesOf(family, addresses);
    const [only] = mine;
    if (only === undefined) return [];
    if (mine.length === 1) return [match[side](only)];
    const set = writer.valueSet(`own-addresses-v${family}`, family === 4 ? "ip.daddr" : "ip6.daddr", mine);
    return [match.inSet(`${family === 4 ? "ip" : "ip6"}.${side}`, set)];
  });
}

function filterAt(hook: ChainBase["hook"], priority: number, policy: ChainBase["policy"]): { base: ChainBase } {
  return { base: { type: "filter", hook, priority, policy } };
}

function writeLeaving(
  place: RenderPlace,
  layers: readonly LayerChains[],
  policy: ChainBase["policy"],
  remembers: boolean,
): void {
  const { writer, match } = place;
  const link = "link-out";
  const mark = setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK);
  writer.chain(link);
  if (policy === "drop") writeRestMissing(place, link);
  const isMarked = match.anyBit("mark", MARK_MASK);
  writer.rule(link, [isMarked], verdict("return"), "S4.8 steering leaves DHCP and NDP unmarked");
  writeLinkOut(place, link, verdict("accept"));
  writer.chain("leaving", { ...filterAt("postrouting", LEAVING_PRIORITY, policy), comment: "S5 leaving" });
  writer.rule("leaving", [match.field("oifname", LOOPBACK_DEVICE)], verdict("accept"), "S2.1 loopback");
  for (const judged of remembers ? isJudged(place) : [])
    writer.rule("leaving", judged, [...mark, verdict("accept")], "S5.6 judged before, marked for S9.3");
  writer.rule("leaving", [onTunnel(place, "oifname", true)], verdict("jump", link), "S2.4-S2.6 DHCP and NDP");
  writer.rule("leaving", [match.anyBit("mark", MARK_MASK, { not: true })], mark, "S9.3 is judged here");
  for (const { leaving } of layers) writer.rule("leaving", [], verdict("jump", leaving), "S1.2 every layer accepts");
  writer.rule("leaving", [], verdict("accept"), "S1.2 every layer has accepted");
}

function writeSourceGuard(place: RenderPlace, policy: FirewallPolicy): void {
  const { writer, match } = place;
  const chain = "source-guard";
  writer.chain(chain, { ...filterAt("postrouting", SOURCE_PRIORITY, "accept"), comment: "S2.2 after NAT" });
  const outside = [match.field("oifname", LOOPBACK_DEVICE, { not: true }), onTunnel(place, "oifname", true)];
  for (const own of ownAddresses(place, "saddr", policy)) {
    writer.rule(chain, [own, ...outside], refuse(), "S2.2 source is a tunnel's address");
  }
}

function writeEntering(
  place: RenderPlace,
  policy: FirewallPolicy,
  layers: readonly LayerChains[],
  chainPolicy: ChainBase["policy"],
): void {
  const { writer, match } = place;
  const link = "link-in";
  writer.chain(link);
  for (const own of ownAddresses(place, "daddr", policy)) {
    writer.rule(link, [own], refuse(), "S2.3 a tunnel's address is reached only through the tunnel");
  }
  for (const own of ownAddresses(place, "saddr", policy)) writer.rule(link, [own], refuse(), NOBODY_ELSE);
  for (const answer of plainAnswers(place)) writer.rule(link, answer, verdict("accept"), "S6.2 answer");
  writeLinkIn(place, link, verdict("accept"));
  writer.chain("entering", { ...filterAt("input", PRIORITY.filter, chainPolicy), comment: "S6 entering" });
  writer.rule("entering", [match.field("iifname", LOOPBACK_DEVICE)], verdict("accept"), "S2.1 loopback");
  writer.rule("entering", [onTunnel(place, "iifname", true)], verdict("jump", link), "S2.3-S2.6 by a physical device");
  for (const { entering } of layers) {
    if (entering !== undefined) writer.rule("entering", [], verdict("jump", entering), "S1.2 every layer accepts");
  }
  writer.rule("entering", [], verdict("accept"), "S1.2 every layer has accepted");
}

/** Answers of which no redirect (S6.7) is one: all but ICMP, and echo replies (RFC 792, RFC 4443 section 4.2). */
function plainAnswers(place: RenderPlace): Match[][] {
  const { match } = place;
  const carried = [PROTOCOL.icmp, PROTOCOL.icmpv6].map((one) => match.field("l4proto", one, { not: true }));
  const echoes = [match.icmp("icmp", 0), match.icmp("icmpv6", 129)];
  return [[isReply(place), ...carried], ...echoes.map((echo) => [isReply(place), echo])];
}

function writeCrossing(
  place: RenderPlace,
  policy: FirewallPolicy,
  layers: readonly LayerChains[],
  chainPolicy: ChainBase["policy"],
): void {
  const { writer } = place;
  const mark = setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK);
  writer.chain("crossing", { ...filterAt("forward", PRIORITY.filter, chainPolicy), comment: "S7 crossing" });
  for (const own of ownAddresses(place, "saddr", policy))
    writer.rule("crossing", [own, onTunnel(place, "iifname", true)], refuse(), NOBODY_ELSE);
  for (const { crossing } of layers) {
    if (crossing !== undefined) writer.rule("crossing", [], verdict("jump", crossing), "S1.2 every layer accepts");
  }
  writer.rule("crossing", [], [...mark, verdict("accept")], "S7.1 its path is judged where it leaves");
}
