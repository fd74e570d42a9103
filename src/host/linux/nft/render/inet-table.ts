import { PROTOCOL } from "../../../../model/firewall/packet.ts";
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
import { type Expression, verdict } from "../../../../native/linux/nftables/expression.ts";
import { type Match, setMark } from "../../../../native/linux/nftables/match.ts";
import type { NewTable } from "../../../../native/linux/nftables/table.codec.ts";
import { arrivingChains } from "./chains/arriving-chain.ts";
import { onLoopback, onTunnel, ownAddresses, placeIn, type RenderPlace } from "./chains/conditions.ts";
import { isReply } from "./chains/grant-rules.ts";
import { isJudged, rememberChain, remembersVerdicts } from "./chains/judged-flows.ts";
import { type LayerChains, layerChains } from "./chains/layer-chains.ts";
import { linkIn, linkOut, restMissing } from "./chains/link-rules.ts";
import { REFUSED, refuse } from "./chains/refused-chain.ts";
import { sourceChains, turnedAnswers } from "./chains/source-chain.ts";
import { steeringChains } from "./chains/steering-chain.ts";
import { limitChains } from "./limit-chains.ts";
import { nameChains } from "./name-chains.ts";
import { relayChains } from "./relay-chain.ts";
import { type Chain, type RenderedTable, type Rule, renderedTable, rule } from "./rendered-table.ts";

/**
 * Packets sent here are judged in postrouting: the output hook still shows the device from before the mark sent the
 * packet elsewhere. 50 is before source NAT (100).
 */
const LEAVING_PRIORITY = 50;
/** After source NAT, when the packet has the source that it has on the wire. */
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
  const table: NewTable = { family: "inet", name: NFT_TABLE, owned, persistent: owned, comment: TABLE_MARK };
  const place = placeIn("inet", policy);
  const remembers = remembersVerdicts(policy);
  const before = [
    { name: IDENTITY_CHAIN, comment: identity, rules: [] },
    ...(remembers ? [rememberChain(place, policy)] : []),
    REFUSED,
    ...steeringChains(place, policy, remembers),
    ...arrivingChains(place, policy, uplinks),
    ...relayChains(place, policy),
    ...limitChains(place, policy),
  ];
  const layers = policy.layers.map((layer, index) => {
    const suffix = policy.layers.length > 1 ? `-${index + 1}` : "";
    return layerChains(place, layer, { suffix, remembers });
  });
  const verdicts: Judgement = { layers, unless: policy.layers.some((layer) => layer.killSwitch) ? "drop" : "accept" };
  return renderedTable(table, place.sets, [
    ...before,
    ...layers.flatMap(({ chains }) => chains),
    ...leavingChains(place, verdicts, remembers ? isJudged(place, policy) : []),
    ...sourceChains(place, policy),
    ...nameChains(place, policy),
    sourceGuardChain(place),
    ...enteringChains(place, verdicts, policy),
    crossingChain(place, verdicts),
  ]);
}

/** What the base chains that judge have in common: the layers that must accept, and the verdict on what no rule judges. */
interface Judgement {
  readonly layers: readonly LayerChains[];
  readonly unless: ChainBase["policy"];
}

function filterAt(hook: ChainBase["hook"], priority: number, policy: ChainBase["policy"]): ChainBase {
  return { type: "filter", hook, priority, policy };
}

const isJudgedHere = (): Expression[] => setMark(markOfPath(PATH_NUMBERS.direct), MARK_MASK);
const everyLayer = (chain: string): Rule => rule([], verdict("jump", chain), "S1.2 every layer accepts");
const accepted = (): Rule => rule([], verdict("accept"), "S1.2 every layer has accepted");

function leavingChains(place: RenderPlace, { layers, unless }: Judgement, judgedBefore: readonly Match[][]): Chain[] {
  const { match } = place;
  const missing = unless === "drop" ? restMissing(place) : [];
  const isMarked = match.anyBit("mark", MARK_MASK);
  const exempt = linkOut(place, "link-out", verdict("accept"));
  const steered = rule([isMarked], verdict("return"), "S4.8 steering leaves DHCP and NDP unmarked");
  const link: Chain = { name: "link-out", rules: [...missing, steered, ...exempt.rules] };
  const rules = [
    rule([onLoopback(place, "oif")], verdict("accept"), "S2.1 loopback"),
    ...judgedBefore.map((judged) =>
      rule(judged, [...isJudgedHere(), verdict("accept")], "S5.6 judged before, marked for S9.3"),
    ),
    rule([onTunnel(place, "oifname", true)], verdict("jump", link.name), "S2.4-S2.6 DHCP and NDP"),
    rule([match.anyBit("mark", MARK_MASK, { not: true })], isJudgedHere(), "S9.3 is judged here"),
    ...layers.map(({ leaving }) => everyLayer(leaving)),
    accepted(),
  ];
  const hook = filterAt("postrouting", LEAVING_PRIORITY, unless);
  return [link, ...exempt.chains, { name: "leaving", hook, comment: "S5 leaving", rules }];
}

function sourceGuardChain(place: RenderPlace): Chain {
  const outside = [onLoopback(place, "oif", true), onTunnel(place, "oifname", true)];
  const rules = ownAddresses(place, "saddr").map((own) =>
    rule([own, ...outside], refuse(), "S2.2 source is a tunnel's address"),
  );
  const hook = filterAt("postrouting", SOURCE_PRIORITY, "accept");
  return { name: "source-guard", hook, comment: "S2.2 after NAT", rules };
}

function enteringChains(place: RenderPlace, { layers, unless }: Judgement, policy: FirewallPolicy): Chain[] {
  const toTunnels = "S2.3 a tunnel's address is reached only through the tunnel";
  const others = ownAddresses(place, "saddr").map((own) => rule([own], refuse(), NOBODY_ELSE));
  const turned = turnedAnswers(place, policy, plainAnswers(place));
  const link: Chain = {
    name: "link-in",
    rules: [
      ...(turned.length === 0 ? [] : [...others, ...turned]),
      ...ownAddresses(place, "daddr").map((own) => rule([own], refuse(), toTunnels)),
      ...(turned.length === 0 ? others : []),
      ...plainAnswers(place).map((answer) => rule(answer, verdict("accept"), "S6.2 answer")),
      ...linkIn(place, verdict("accept")),
    ],
  };
  const rules = [
    rule([onLoopback(place, "iif")], verdict("accept"), "S2.1 loopback"),
    rule([onTunnel(place, "iifname", true)], verdict("jump", link.name), "S2.3-S2.6 by a physical device"),
    ...layers.flatMap(({ entering }) => (entering === undefined ? [] : [everyLayer(entering)])),
    accepted(),
  ];
  const hook = filterAt("input", PRIORITY.filter, unless);
  return [link, { name: "entering", hook, comment: "S6 entering", rules }];
}

/** Answers of which no redirect (S6.7) is one: all but ICMP, and echo replies (RFC 792, RFC 4443 section 4.2). */
function plainAnswers(place: RenderPlace): Match[][] {
  const { match } = place;
  const carried = [PROTOCOL.icmp, PROTOCOL.icmpv6].map((one) => match.field("l4proto", one, { not: true }));
  const echoes = [match.icmp("icmp", 0), match.icmp("icmpv6", 129)];
  return [[isReply(place), ...carried], ...echoes.map((echo) => [isReply(place), echo])];
}

function crossingChain(place: RenderPlace, { layers, unless }: Judgement): Chain {
  const rules = [
    ...ownAddresses(place, "saddr").map((own) => rule([own, onTunnel(place, "iifname", true)], refuse(), NOBODY_ELSE)),
    ...layers.flatMap(({ crossing }) => (crossing === undefined ? [] : [everyLayer(crossing)])),
    rule([], [...isJudgedHere(), verdict("accept")], "S7.1 its path is judged where it leaves"),
  ];
  return { name: "crossing", hook: filterAt("forward", PRIORITY.filter, unless), comment: "S7 crossing", rules };
}
