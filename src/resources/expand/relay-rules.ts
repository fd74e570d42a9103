import type { EndpointGrant } from "../../model/firewall/policy.ts";
import { GUEST_DNS_MARK } from "../../model/ownership.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";
import { MAIN_TABLE } from "../routes/route-table.ts";
import { hostPrefix, policyRule, portRange, ROUTABLE_PROTOCOLS } from "./rule-matches.ts";

/**
 * Leads a relay to its proxy, as bootstrap queries are led: its packets get their mark from steering, after the source
 * address is selected (S3.5).
 */
export function relayRule(place: number, { address, port, protocol }: EndpointGrant, serviceUid: number): PolicyRule {
  const { family, prefix } = hostPrefix(address);
  const name = ROUTABLE_PROTOCOLS[protocol];
  return policyRule(family, place, MAIN_TABLE, {
    destination: prefix,
    uids: { from: serviceUid, to: serviceUid },
    ...(name === undefined ? {} : { protocol: name }),
    ...(port === undefined ? {} : { ports: portRange(port) }),
    local: true,
  });
}

/**
 * A proxy's table delivers everything to this host, which is right for what this host sends. What arrives must not be looked
 * up there: a guest's packets would reach servers of this host, and the kernel would hold senders for itself (martians).
 *
 * For IPv6, only marked packets are looked up there. nft's `fib daddr type` distinguishes a proxy's packets on loopback
 * from others. For IPv6 it asks the policy rules too (nft_fib6_eval_type), for IPv4 the local table only
 * (nft_fib4_eval_type).
 *
 * @param tables the tables of proxies
 */
export function keepFromArriving(rule: PolicyRule, tables: ReadonlySet<number>): PolicyRule[] {
  if (!tables.has(rule.table)) return [rule];
  if (rule.match.mark?.value === GUEST_DNS_MARK) return [];
  const isUnmarked = rule.family === 6 && rule.match.mark === undefined;
  return [{ ...rule, match: { ...rule.match, local: true }, ...(isUnmarked ? { table: MAIN_TABLE } : {}) }];
}
