import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../../../model/firewall/flow-path.ts";
import type { FirewallPolicy } from "../../../../../model/firewall/policy.ts";
import { GUEST_DNS_MARK, MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../../model/ownership.ts";
import { type ChainBase, PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import { type Expression, RTN_UNICAST, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { setMark } from "../../../../../native/linux/nftables/match.ts";
import { type Chain, type Rule, rule } from "../rendered-table.ts";
import { addressesOf, OUTWARD, onLoopback, onTunnel, type RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { dnsPorts } from "./path-chains.ts";
import { senderChecks } from "./reverse-path-chain.ts";

const ONWARD = "onward";
/** After destinations were translated back (-100), so that it is known whether the packet is forwarded. */
const BASE: ChainBase = { type: "filter", hook: "prerouting", priority: PRIORITY.dstnat + 10, policy: "accept" };

/**
 * The chain that gives a packet for this host the mark of the path by which it arrived (S6.6), so that the kernel's
 * reverse path check (fib_validate_source of net/ipv4/fib_frontend.c, with src_valid_mark) looks for the sender where
 * the answer would go. Unmarked, it would look in the table of the default: before that table has its routes, and for
 * whatever the default's tunnel does not carry, it holds `unreachable`, and the kernel drops even an endpoint's answer.
 * A forwarded packet is looked up by its own flow and keeps none of our bits. An answer by a physical device is direct
 * (S4.1). Senders are checked here, too (S6.8).
 */
export function arrivingChains(place: RenderPlace, policy: FirewallPolicy, uplinks: readonly string[]): Chain[] {
  const { match } = place;
  const senders = senderChecks(place, policy, uplinks);
  const tunnels = new Map(policy.layers.flatMap(({ tunnels: some }) => some.map((one) => [one.device, one] as const)));
  const isDirect = marked(markOfPath(PATH_NUMBERS.direct));
  const isOnward = match.field("fib.daddr.type", RTN_UNICAST);
  const arriving: Chain = {
    name: "arriving",
    hook: BASE,
    comment: "S6.6 marks each packet with its path",
    rules: [
      rule([onLoopback(place, "iif")], verdict("accept"), "S2.1 loopback"),
      // Also one for a guest, whose flow went out directly: neither its destination nor its sender need be looked up.
      rule([isReply(place), onTunnel(place, "iifname", true)], isDirect, "S6.6 answer by a physical device"),
      rule([isOnward], verdict("goto", ONWARD), "S6.6 will be forwarded"),
      ...senders.ending,
      ...[...tunnels.values()].map(({ device, number }) =>
        rule([match.field("iifname", device)], marked(markOfPath(number)), "S6.6 by its tunnel"),
      ),
      rule([], isDirect, "S6.6 by a physical device"),
    ],
  };
  const onward: Chain = {
    name: ONWARD,
    rules: [...senders.onward, ...guestDns(place, policy), rule([], marked(0), "S6.6 will be forwarded")],
  };
  return [arriving, onward, ...senders.chains];
}

function marked(mark: number): Expression[] {
  return [...setMark(mark, MARK_MASK), verdict("accept")];
}

/** A policy rule leads what has this mark to the path of the servers; the answer's path is looked up as if it had none. */
function guestDns(place: RenderPlace, policy: FirewallPolicy): Rule[] {
  const dns = policy.layers.at(-1)?.dns;
  if (dns === undefined || dns === null || dns.path.kind === "block") return [];
  return addressesOf(place, "dns-servers", OUTWARD, dns.servers).map((address) => {
    const queries = [...address, ...dnsPorts(place, OUTWARD, [DNS_PORT, DNS_ENCRYPTED_PORT])];
    return rule(queries, marked(GUEST_DNS_MARK), "S4.2 a guest's DNS to a declared server");
  });
}
