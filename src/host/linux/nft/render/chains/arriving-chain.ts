import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import { LOOPBACK_DEVICE } from "../../../../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../../model/firewall/policy.ts";
import { GUEST_DNS_MARK, MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, RTN_UNICAST, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../../native/linux/nftables/match.ts";
import { addressesOf, OUTWARD, type RenderPlace } from "./conditions.ts";
import { dnsPorts } from "./path-chains.ts";
import { writeSenders } from "./reverse-path-chain.ts";

const CHAIN = "arriving";
const ONWARD = "onward";
/** After destinations were translated back (-100), so that it is known whether the packet goes on to somebody else. */
const BASE: ChainBase = { type: "filter", hook: "prerouting", priority: PRIORITY.dstnat + 10, policy: "accept" };

/**
 * Writes the chain that gives what arrives for this machine the mark of the way it came by (S6.6), so that the kernel's
 * reverse path check (fib_validate_source of net/ipv4/fib_frontend.c, with src_valid_mark) looks for the sender where
 * the answer would go. Unmarked, it would look in the table of the default: before that table has its routes, and for
 * whatever the default's tunnel does not carry, it holds `unreachable`, and the kernel drops even an endpoint's answer.
 * What goes on to others is looked up by its own flow and keeps none of our bits. Senders are asked for here, too (S6.8).
 */
export function writeArriving(place: RenderPlace, policy: FirewallPolicy, uplinks: readonly string[]): void {
  const { writer, match } = place;
  const marked = (mark: number): Expression[] => [...setMark(mark, MARK_MASK), verdict("accept")];
  writer.chain(CHAIN, { base: BASE, comment: "S6.6 marks each packet with its path" });
  writer.rule(CHAIN, [match.field("iifname", LOOPBACK_DEVICE)], verdict("accept"), "S2.1 loopback");
  writer.chain(ONWARD);
  const onward = match.field("fib.daddr.type", RTN_UNICAST);
  writer.rule(CHAIN, [onward], verdict("goto", ONWARD), "S6.6 will be forwarded");
  writeSenders(place, policy, uplinks, { ending: CHAIN, onward: ONWARD });
  writeGuestDns(place, policy, marked(GUEST_DNS_MARK));
  writer.rule(ONWARD, [], marked(0), "S6.6 will be forwarded");
  const tunnels = new Map(policy.layers.flatMap(({ tunnels: some }) => some.map((one) => [one.device, one] as const)));
  for (const { device, number } of tunnels.values()) {
    writer.rule(CHAIN, [match.field("iifname", device)], marked(markOfPath(number)), "S6.6 by its tunnel");
  }
  writer.rule(CHAIN, [], marked(markOfPath(PATH_NUMBERS.direct)), "S6.6 by a physical device");
}

/** A policy rule leads what has this mark to the path of the servers; the answer's way is looked up as if it had none. */
function writeGuestDns(place: RenderPlace, policy: FirewallPolicy, then: readonly Expression[]): void {
  const dns = policy.layers.at(-1)?.dns;
  if (dns === undefined || dns === null || dns.path.kind === "block") return;
  for (const address of addressesOf(place, "dns-servers", OUTWARD, dns.servers)) {
    const queries = [...address, ...dnsPorts(place, OUTWARD, [DNS_PORT, DNS_ENCRYPTED_PORT])];
    place.writer.rule(ONWARD, queries, then, "S4.2 a guest's DNS to a declared server");
  }
}
