import type { Rule } from "../../config/config.ts";
import type { Fallback } from "../../config/section/path.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { FlowMatch, FlowRule, PathRef } from "../../model/firewall/policy.ts";
import type { Enforcement } from "../../model/resource.ts";
import { hasPacketFilter } from "../packet-filter.ts";
import { destinationPrefixes, noteLists } from "./destinations.ts";
import { encryptedDnsRules } from "./encrypted-dns.ts";
import { type ExpandContext, pathRefOf } from "./expansion.ts";
import { fallingBack, withNextRules } from "./fallback/fallback-paths.ts";
import { othersNote, uidRanges } from "./user-ranges.ts";

/** IANA protocol numbers of the names in a config. */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  icmpv6: 58,
  sctp: 132,
};

const ORDER: readonly Enforcement[] = ["enforced", "best-effort", "advisory", "unsupported"];

/** The rules of the config in the form of the packet policy, in order; each notes how it is enforced. */
export function flowRules(context: ExpandContext): FlowRule[] {
  const written = context.config.rules.map((rule, index) => {
    const rules = expandRule(rule, index, context);
    noteEnforcement(rule, index, rules.length > 0, context);
    return { rules, usesNextRule: rule.fallback.kind === "next-rule" };
  });
  const { via, fallback } = context.config.default;
  const rest = fallback.kind === "drop" ? BLOCK : pathRefOf(via, context.tunnels);
  return [
    ...(context.config.ipv6 === "block" ? [NO_IPV6] : []),
    ...encryptedDnsRules(context),
    ...withNextRules(written, rest),
  ];
}

const BLOCK: PathRef = { kind: "block" };

/** `ipv6: block` refuses IPv6 on every path; NDP and DHCPv6, which keep a link alive, are judged before (S2). */
const NO_IPV6: FlowRule = { origin: "ipv6", match: { destinations: ["::/0"] }, path: { kind: "block" } };

/** The path of traffic that no rule matches. The fallback `drop` means always dropped. */
export function defaultPath({ config, tunnels, notes, facts }: ExpandContext): PathRef {
  const { via, fallback } = config.default;
  if (via.kind === "tunnel" && fallback.kind === "drop") return { kind: "block" };
  if (via.kind === "tunnel" && fallback.kind === "direct") notes.push({ path: "default", ...directFallback(facts) });
  if (via.kind === "tunnel" && usesOtherTunnels(via.tunnel, fallback, tunnels))
    notes.push({ path: "default", ...otherTunnels(facts) });
  return fallingBack(pathRefOf(via, tunnels), fallback, tunnels);
}

/** Whether other tunnels may stand in for this one. */
function usesOtherTunnels(tunnel: string, { kind }: Fallback, tunnels: ExpandContext["tunnels"]): boolean {
  if (kind === "failover" || kind === "next-rule") return true;
  return tunnels.find(({ key }) => key === tunnel)?.tunnel.failover !== undefined;
}

function otherTunnels({ capabilities }: Pick<HostFacts, "capabilities">): Judgement {
  if (!capabilities.nftables && capabilities.pf === true) {
    return {
      message: "macOS has no failover: with the kill switch on, this traffic is dropped while the tunnel is down",
      enforcement: "advisory",
    };
  }
  return {
    message: "while the tunnel is down it uses another tunnel if a daemon runs, and is dropped otherwise",
    enforcement: "best-effort",
  };
}

/** PF has no timeouts: a fallback would stay in force after the daemon's death (rule S13.10). */
function directFallback({ capabilities }: Pick<HostFacts, "capabilities">): Judgement {
  if (!capabilities.nftables && capabilities.pf === true) {
    return {
      message: "macOS has no fallback: with the kill switch on, this traffic is dropped while the tunnel is down",
      enforcement: "advisory",
    };
  }
  return {
    message: "while the tunnel is down it goes direct if a daemon runs, and is dropped otherwise",
    enforcement: "best-effort",
  };
}

function expandRule(rule: Rule, index: number, context: ExpandContext): FlowRule[] {
  const { facts, tunnels, notes, lists } = context;
  const path: PathRef =
    rule.via.kind === "tunnel" && rule.fallback.kind === "drop"
      ? { kind: "block" }
      : fallingBack(pathRefOf(rule.via, tunnels), rule.fallback, tunnels);
  const origin = rule.name === undefined ? `rules/${index}` : `rules/${index} (${rule.name})`;
  const own = path.kind === "direct" || (path.kind === "tunnel" && path.fallback === "direct");
  const uids = rule.users === undefined ? undefined : uidRanges(rule.users, facts, { own });
  for (const user of uids?.unknown ?? []) {
    notes.push({ path: `rules.${index}.users`, message: `no user ${user} on this host` });
  }
  if (uids?.ranges.length === 0) return [];
  if (uids !== undefined && uids.others.length > 0) {
    notes.push({ path: `rules.${index}.users`, message: othersNote(uids.others, { own }) });
  }
  const destinations = rule.destinations === undefined ? undefined : destinationPrefixes(rule.destinations, lists);
  noteLists(rule, index, context);
  const common: FlowMatch = {
    ...(destinations === undefined ? {} : { destinations }),
    ...(rule.ports === undefined ? {} : { ports: rule.ports }),
    ...(uids === undefined ? {} : { uids: uids.ranges }),
  };
  const protocols = rule.protocol?.map((name) => PROTOCOL_NUMBERS[name]) ?? [undefined];
  return protocols.map((protocol) => ({
    origin,
    match: protocol === undefined ? common : { ...common, protocol },
    path,
  }));
}

/** Notes how the rule is enforced; a rule that requires more is unsupported here. */
function noteEnforcement(rule: Rule, index: number, canMatch: boolean, context: ExpandContext): void {
  const path = `rules.${index}`;
  const { enforcement, message: kept } = judgeRule(rule, canMatch, context);
  context.notes.push({ path, message: kept, enforcement, ...(canMatch ? {} : { isWarning: true }) });
  if (rule.require === undefined || ORDER.indexOf(enforcement) <= ORDER.indexOf(rule.require)) return;
  const message = `this host keeps the rule ${enforcement} only, and ${rule.require} is required`;
  context.unsupported.push({ path: `${path}.require`, message });
}

type Judgement = Required<Pick<ExpandContext["notes"][number], "message">> & { readonly enforcement: Enforcement };

function judgeRule(
  rule: Rule,
  canMatch: boolean,
  { facts: { capabilities }, tunnels }: Pick<ExpandContext, "facts" | "tunnels">,
): Judgement {
  if (!hasPacketFilter(capabilities)) {
    return { enforcement: "unsupported", message: "this host has no packet filter that awg can use" };
  }
  if (!canMatch) return { enforcement: "enforced", message: "matches nothing here: none of its users exists" };
  if (rule.via.kind === "tunnel" && rule.fallback.kind === "direct") return directFallback({ capabilities });
  if (rule.via.kind === "tunnel" && rule.fallback.kind !== "drop") {
    if (usesOtherTunnels(rule.via.tunnel, rule.fallback, tunnels)) return otherTunnels({ capabilities });
  }
  if (rule.via.kind !== "block" && rule.protocol?.some((name) => name !== "tcp" && name !== "udp") === true) {
    const message =
      "enforced by the filter, but routes select TCP and UDP only: packets may get another path's source address and be dropped";
    return { enforcement: "best-effort", message };
  }
  if (!capabilities.egressHook && rule.via.kind !== "direct") {
    return { enforcement: "best-effort", message: "enforced by the kernel, except for raw frames that root sends" };
  }
  return { enforcement: "enforced", message: "enforced by the kernel" };
}
