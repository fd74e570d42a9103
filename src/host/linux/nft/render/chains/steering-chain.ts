import { pathOfSubstitute } from "../../../../../model/firewall/fallback.ts";
import { DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import { LINK_SCOPED_PREFIXES } from "../../../../../model/firewall/link-traffic.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import {
  type FirewallPolicy,
  type PathRef,
  type PolicyLayer,
  relayEndpoints,
} from "../../../../../model/firewall/policy.ts";
import { ENGINE_MARK, MARK_MASK, markOfPath, PATH_NUMBERS, RELAY_MARK } from "../../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import { RTN_LOCAL, RTN_UNICAST, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { type Match, setMark } from "../../../../../native/linux/nftables/match.ts";
import { proxiesOf } from "../relay-chain.ts";
import { type Chain, type Rule, rule } from "../rendered-table.ts";
import { addressesOf, onLoopback, type RenderPlace } from "./conditions.ts";
import { isOurs, isReply } from "./grant-rules.ts";
import { isJudged } from "./judged-flows.ts";
import { linkOut } from "./link-rules.ts";
import { pathRules } from "./path-chains.ts";
import { unclassifiedRules } from "./program-classes.ts";
import { refuse } from "./refused-chain.ts";

const CHAIN = "steer";
/** IP_CT_DIR_ORIGINAL of linux/netfilter/nf_conntrack_tuple_common.h. */
const CT_DIRECTION_ORIGINAL = 0;
const LOOPBACK = "loopback";
const UNMARKED = "unmarked";
const NO_EXCEPTIONS = { dns: null, allow: [], allowLan: false } as const;

/**
 * The chain that marks what this machine sends with its path (S4), and those that it uses. It is of type route, so the kernel
 * looks the route up again when the mark has changed; a packet with the mark that it had keeps its device.
 *
 * @param remembers whether verdicts are remembered (S5.6)
 */
export function steeringChains(place: RenderPlace, policy: FirewallPolicy, remembers: boolean): Chain[] {
  const { match } = place;
  const hasProxies = proxiesOf(policy).length > 0;
  const layer = policy.layers.at(-1);
  const unclassified = unclassifiedRules(place, policy);
  const marks = markChains(place, policy, layer);
  // An answer goes back where its flow came from (S4.1); its own addresses may have another path.
  const opens = match.field("ct.direction", CT_DIRECTION_ORIGINAL);
  const judged = (remembers ? isJudged(place, policy) : []).map((known) =>
    rule([...known, opens], verdict("accept"), "S5.6 judged before, and on its device"),
  );
  const link = linkOut(place, CHAIN, verdict("goto", UNMARKED));
  const own = layer === undefined ? [] : ownRules(place, layer);
  const answers = layer === undefined ? [] : answerRules(place, layer);
  const take = (path: PathRef) => verdict("goto", markChain(path));
  const choice = { steering: policy.steering, layer: layer ?? NO_EXCEPTIONS, take };
  const rules = [
    rule([onLoopback(place, "oif")], verdict(hasProxies ? "jump" : "goto", LOOPBACK), "S2.1 loopback"),
    ...unclassified.rules,
    ...judged,
    ...link.rules,
    ...own,
    ...answers,
    rule([isReply(place)], verdict("goto", "mark-direct"), "S4.1 back to where its flow came from"),
    ...pathRules(place, choice),
  ];
  const hook: ChainBase = { type: "route", hook: "output", priority: PRIORITY.mangle, policy: "accept" };
  const steer: Chain = { name: CHAIN, hook, comment: "S4 the path of each flow, written as its mark", rules };
  return [steer, ...marks, loopbackChain(place, hasProxies), ...unclassified.chains, ...link.chains];
}

/**
 * Any program may send by IPv6 from a foreign address (IPV6_FREEBIND). Over loopback it could open a flow that a neighbour
 * seems to have opened, or have the kernel answer the neighbour. By IPv4 that takes CAP_NET_ADMIN or CAP_NET_RAW, and so does the
 * mark of relays, which answer in the name of other hosts.
 */
function loopbackChain({ match }: RenderPlace, hasProxies: boolean): Chain {
  const foreign = match.field("fib.saddr.type", RTN_LOCAL, { not: true });
  const others = hasProxies ? [match.mark(RELAY_MARK, MARK_MASK, { not: true })] : [];
  const toProxies = [
    rule([match.field("fib.daddr.type", RTN_UNICAST)], verdict("return"), "S5.7 to another host, by a proxy's routes"),
  ];
  return {
    name: LOOPBACK,
    rules: [
      rule([match.network("ip6"), ...others, foreign], refuse(), "S2.1 source of another host"),
      ...(hasProxies ? toProxies : []),
      rule([], verdict("accept"), "S4.8 loopback is not steered"),
    ],
  };
}

function ownRules(place: RenderPlace, layer: PolicyLayer): Rule[] {
  const { match } = place;
  const bootstrap = layer.bootstrapDns.flatMap((server) =>
    (["udp", "tcp"] as const).map((protocol) => {
      const query = [match.skuid(layer.serviceUid), match.daddr(server), match.ports(protocol, "dport", DNS_PORT)];
      return rule(query, verdict("goto", "mark-direct"), "S3.3 bootstrap DNS");
    }),
  );
  const asEngine = [...setMark(ENGINE_MARK, MARK_MASK), verdict("accept")];
  const relayed = relayEndpoints(layer).map(({ address, port, protocol }) => {
    const to = [match.skuid(layer.serviceUid), match.daddr(address), ...carrierOf(place, protocol, port)];
    return rule(to, asEngine, "S3.5 a relay to its proxy, with the mark of S3.1");
  });
  return [
    ...relayed,
    ...isOurs(place, layer).map((ours) => rule(ours, verdict("accept"), "S4.8 our own sockets keep their mark")),
    ...bootstrap,
  ];
}

function carrierOf({ match }: RenderPlace, protocol: 6 | 17, port: number | undefined): Match[] {
  if (port === undefined) return [match.field("l4proto", protocol)];
  return [match.ports(protocol === PROTOCOL.tcp ? "tcp" : "udp", "dport", port)];
}

function answerRules(place: RenderPlace, layer: PolicyLayer): Rule[] {
  return layer.tunnels.flatMap(({ device, number, addresses }) => {
    const back = verdict("goto", markChain({ kind: "tunnel", device, number }));
    return addresses.map((address) =>
      rule([isReply(place), place.match.saddr(address)], back, "S4.1 back into its tunnel"),
    );
  });
}

function markChains(place: RenderPlace, policy: FirewallPolicy, layer: PolicyLayer | undefined): Chain[] {
  const toLink = "S4.8 valid on one link only";
  const mark = (value: number, comment: string): Rule =>
    rule([], [...setMark(value, MARK_MASK), verdict("accept")], comment);
  const chains = pathsOf(policy, layer).map((path): Chain => {
    const linkScoped =
      path.kind === "direct" ? addressesOf(place, "link-scoped", { address: "daddr" }, LINK_SCOPED_PREFIXES) : [];
    const number = path.kind === "tunnel" ? path.number : PATH_NUMBERS[path.kind];
    const unmarked = linkScoped.map((some) => rule(some, verdict("goto", UNMARKED), toLink));
    return { name: markChain(path), rules: [...unmarked, mark(markOfPath(number), "S4 its path")] };
  });
  return [{ name: UNMARKED, rules: [mark(0, toLink)] }, ...chains];
}

/** Every path that steering can choose, each once. */
function pathsOf(policy: FirewallPolicy, layer: PolicyLayer | undefined): PathRef[] {
  const tunnels = (layer?.tunnels ?? []).map(({ device, number }): PathRef => ({ kind: "tunnel", device, number }));
  const chosen = [...policy.steering.rules.map((rule) => rule.path), policy.steering.default];
  const dns = layer?.dns === undefined || layer.dns === null ? [] : [layer.dns.path];
  const all: PathRef[] = [{ kind: "direct" }, { kind: "block" }, ...tunnels, ...chosen, ...dns];
  const others = all.flatMap((path) => (path.kind === "tunnel" ? (path.substitutes ?? []).map(pathOfSubstitute) : []));
  return [...new Map([...all, ...others].map((path) => [markChain(path), path])).values()];
}

function markChain(path: PathRef): string {
  return path.kind === "tunnel" ? `mark-${path.device}-${path.number}` : `mark-${path.kind}`;
}
