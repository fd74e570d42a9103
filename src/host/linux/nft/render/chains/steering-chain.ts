import { flowMemoryOf } from "../../../../../model/firewall/flow-memory.ts";
import { DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import { LINK_SCOPED_PREFIXES } from "../../../../../model/firewall/link-traffic.ts";
import { LOOPBACK_DEVICE } from "../../../../../model/firewall/packet.ts";
import type { FirewallPolicy, PathRef, PolicyLayer } from "../../../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../../model/ownership.ts";
import { PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import { RTN_LOCAL, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../../native/linux/nftables/match.ts";
import { addressesOf, type RenderPlace } from "./conditions.ts";
import { isFlowOf, writeFlowMemory, writeNoMemory, writeRefusedProtocols } from "./flow-memory-chains.ts";
import { isOurs, isReply } from "./grant-rules.ts";
import { isJudged, remembersVerdicts } from "./judged-flows.ts";
import { hasSocket, writeLinkOut } from "./link-rules.ts";
import { refuse, writePathRules } from "./path-chains.ts";

const CHAIN = "steer";
/** IP_CT_DIR_ORIGINAL of linux/netfilter/nf_conntrack_tuple_common.h. */
const CT_DIRECTION_ORIGINAL = 0;
const LOOPBACK = "loopback";
const NO_EXCEPTIONS = { dns: null, allow: [], allowLan: false } as const;

/**
 * Writes the chain that marks what this machine sends with its path (S4). It is of type route, so the kernel looks the
 * route up again when the mark has changed; a packet whose mark stays keeps the device it has.
 */
export function writeSteering(place: RenderPlace, policy: FirewallPolicy): void {
  const { writer, match } = place;
  const layer = policy.layers.at(-1);
  writer.chain(CHAIN, {
    base: { type: "route", hook: "output", priority: PRIORITY.mangle, policy: "accept" },
    comment: "S4 the path of each flow, written as its mark",
  });
  writeMarkChains(place, policy, layer);
  writeLoopback(place);
  // An answer goes back where its flow came from (S4.1), which the path of its own addresses does not tell.
  const opens = match.field("ct.direction", CT_DIRECTION_ORIGINAL);
  writer.rule(CHAIN, [match.field("oifname", LOOPBACK_DEVICE)], verdict("goto", LOOPBACK), "S2.1 loopback");
  for (const judged of remembersVerdicts(policy) ? isJudged(place) : [])
    writer.rule(CHAIN, [...judged, opens], verdict("accept"), "S5.6 judged before, and on its device");
  writeLinkOut(place, CHAIN, verdict("goto", "unmarked"));
  const memory = flowMemoryOf(policy);
  if (memory.kind !== "needless") writeRefusedProtocols(place, CHAIN);
  if (layer !== undefined) writeOwn(place, layer);
  if (memory.kind === "kept") writeFlowMemory(place, CHAIN, memory.classes);
  if (memory.kind === "refused") writeNoMemory(place, CHAIN);
  if (layer !== undefined) writeAnswers(place, layer);
  writer.rule(CHAIN, [isReply(place)], verdict("goto", "mark-direct"), "S4.1 back to where its flow came from");
  const take = (path: PathRef) => verdict("goto", markChain(path));
  const rules = { steering: policy.steering, layer: layer ?? NO_EXCEPTIONS, take };
  if (memory.kind === "kept") {
    const lasting = "steer-lasting";
    writer.chain(lasting);
    writer.rule(lasting, [hasSocket(place)], verdict("return"), "S4.4 its user is known");
    writePathRules(place, { ...rules, chain: lasting, ofUsers: isFlowOf(place, memory.classes) });
    writer.rule(CHAIN, [], verdict("jump", lasting), "S4.10 by the flow's last user");
  }
  writePathRules(place, { ...rules, chain: CHAIN });
}

/**
 * Any program may send by IPv6 in a foreign name (IPV6_FREEBIND). Over loopback it could so open a flow that a neighbour seems
 * to have opened, or have the kernel answer the neighbour. By IPv4 that takes CAP_NET_ADMIN or CAP_NET_RAW.
 */
function writeLoopback({ writer, match }: RenderPlace): void {
  writer.chain(LOOPBACK);
  const foreign = match.field("fib.saddr.type", RTN_LOCAL, { not: true });
  writer.rule(LOOPBACK, [match.network("ip6"), foreign], refuse(), "S2.1 source of another host");
  writer.rule(LOOPBACK, [], verdict("accept"), "S4.8 loopback is not steered");
}

function writeOwn(place: RenderPlace, layer: PolicyLayer): void {
  const { writer, match } = place;
  for (const ours of isOurs(place, layer)) {
    writer.rule(CHAIN, ours, verdict("accept"), "S4.8 our own sockets keep their mark");
  }
  for (const server of layer.bootstrapDns) {
    for (const protocol of ["udp", "tcp"] as const) {
      const query = [match.skuid(layer.serviceUid), match.daddr(server), match.ports(protocol, "dport", DNS_PORT)];
      writer.rule(CHAIN, query, verdict("goto", "mark-direct"), "S3.3 bootstrap DNS");
    }
  }
}

function writeAnswers(place: RenderPlace, layer: PolicyLayer): void {
  const { writer, match } = place;
  for (const { device, number, addresses } of layer.tunnels) {
    const back = verdict("goto", markChain({ kind: "tunnel", device, number }));
    for (const address of addresses) {
      writer.rule(CHAIN, [isReply(place), match.saddr(address)], back, "S4.1 back into its tunnel");
    }
  }
}

function writeMarkChains(place: RenderPlace, policy: FirewallPolicy, layer: PolicyLayer | undefined): void {
  const { writer } = place;
  writer.chain("unmarked");
  writer.rule("unmarked", [], [...setMark(0, MARK_MASK), verdict("accept")], "S4.8 valid on one link only");
  for (const path of pathsOf(policy, layer)) {
    const chain = markChain(path);
    writer.chain(chain);
    if (path.kind === "direct") {
      for (const linkScoped of addressesOf(place, "link-scoped", { address: "daddr" }, LINK_SCOPED_PREFIXES)) {
        writer.rule(chain, linkScoped, verdict("goto", "unmarked"), "S4.8 valid on one link only");
      }
    }
    const number = path.kind === "tunnel" ? path.number : PATH_NUMBERS[path.kind];
    writer.rule(chain, [], [...setMark(markOfPath(number), MARK_MASK), verdict("accept")], "S4 its path");
  }
}

/** Every path that steering can choose, each once. */
function pathsOf(policy: FirewallPolicy, layer: PolicyLayer | undefined): PathRef[] {
  const tunnels = (layer?.tunnels ?? []).map(({ device, number }): PathRef => ({ kind: "tunnel", device, number }));
  const chosen = [...policy.steering.rules.map((rule) => rule.path), policy.steering.default];
  const dns = layer?.dns === undefined || layer.dns === null ? [] : [layer.dns.path];
  const all: PathRef[] = [{ kind: "direct" }, { kind: "block" }, ...tunnels, ...chosen, ...dns];
  return [...new Map(all.map((path) => [markChain(path), path])).values()];
}

function markChain(path: PathRef): string {
  return path.kind === "tunnel" ? `mark-${path.device}-${path.number}` : `mark-${path.kind}`;
}
