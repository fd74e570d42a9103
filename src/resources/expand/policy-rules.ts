import { alternativePaths, switchName } from "../../model/firewall/fallback.ts";
import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../model/firewall/flow-path.ts";
import { DHCPV4, LINK_LOCAL, LINK_PREFIXES, PRIVATE_PREFIXES } from "../../model/firewall/link-traffic.ts";
import {
  type AllowGrant,
  type DnsPolicy,
  type FirewallPolicy,
  type FlowMatch,
  type FlowRule,
  type PathRef,
  type PathSwitch,
  relayEndpoints,
} from "../../model/firewall/policy.ts";
import {
  ENGINE_MARK,
  GUEST_DNS_MARK,
  MARK_MASK,
  markOfPath,
  PATH_NUMBERS,
  RULE_PREFERENCES,
  tableOfPath,
} from "../../model/ownership.ts";
import { sortPolicyRules } from "../../model/resources/policy-rule.ts";
import type { PolicyRule, PolicyRuleMatch, StandbyRules } from "../../model/resources/routes.ts";
import { keepFromArriving, relayRule } from "./relay-rules.ts";
import { both, hostPrefix, matches, matchRules, policyRule, portRange, ROUTABLE_PROTOCOLS } from "./rule-matches.ts";

const MAIN_TABLE = 254;

/** Preferences from the start of our range; rules of one place select different packets, so their order is free. */
const PLACES = {
  engine: 0,
  engineGuard: 1,
  marks: 10,
  link: 20,
  tunnelSources: 30,
  answers: 40,
  dns: 50,
  rules: 100,
  allow: 880,
  lan: 890,
  default: RULE_PREFERENCES.last - RULE_PREFERENCES.first,
} as const;

/**
 * An engine's own packets use the main table. While that has no route (a lease is being renewed) they end there. In the
 * next table they would enter the tunnel they carry, and the server would take that for our address.
 */
const ENGINE: PolicyRuleMatch = { mark: { value: ENGINE_MARK, mask: MARK_MASK } };

/** How many groups of consecutive rules with the same path have a preference. */
const RULE_GROUPS = PLACES.allow - PLACES.rules;

export interface PolicyRules {
  /** Sorted by family, preference and text. */
  readonly rules: readonly PolicyRule[];
  /** Rules to put before them while a switch of paths is in force (S4.9), one entry for each switch. */
  readonly standby: readonly StandbyRules[];
  /** Rules of the config without a preference left; empty except with hundreds of alternating paths. */
  readonly beyond: readonly FlowRule[];
}

/**
 * The policy rules for a packet policy: which table the kernel uses for a route lookup.
 *
 * The firewall sets a packet's mark after the first lookup. That lookup selected the source address, and may have
 * failed without a route. So all that the kernel itself can match (destination, port, protocol, user) is a rule here
 * too, in the order of chapter S4; the mark then finds the same table. If the two differ, the firewall drops the
 * packet: it judges by flow and device. Of long lists the filter alone knows (S4.12).
 */
export function policyRules(policy: FirewallPolicy): PolicyRules {
  const layer = policy.layers[0];
  if (layer === undefined) return { rules: [], standby: [], beyond: [] };
  const { rules: flows, default: rest } = policy.steering;
  const proxies = new Set((layer.proxies ?? []).map(({ number }) => tableOfPath(number)));
  const grouped = groupRules(flows);
  const exceptions = rest.kind === "tunnel" ? [...allowOut(layer.allow), ...(layer.allowLan ? lan() : [])] : [];
  const rules = [
    ...both(PLACES.engine, MAIN_TABLE, ENGINE),
    ...both(PLACES.engineGuard, tableOfPath(PATH_NUMBERS.engine), ENGINE),
    ...both(PLACES.marks, MAIN_TABLE, markMatch(PATH_NUMBERS.direct)),
    ...[...layer.tunnels, ...(layer.proxies ?? [])].flatMap(({ number }) =>
      both(PLACES.marks, tableOfPath(number), markMatch(number)),
    ),
    ...relayEndpoints(layer).map((endpoint) => relayRule(PLACES.engine, endpoint, layer.serviceUid)),
    ...layer.bootstrapDns.map((server) => bootstrapRule(server, layer.serviceUid)),
    ...LINK_TRAFFIC,
    ...layer.tunnels.flatMap(({ addresses, number }) =>
      addresses.map((source) => fromSource(source, tableOfPath(number))),
    ),
    ...answers(layer.allow),
    ...(layer.dns === null ? [] : dnsRules(layer.dns.servers, tableOf(layer.dns.path), PLACES.dns)),
    ...grouped.rules,
    ...exceptions,
    ...(rest.kind === "tunnel" ? both(PLACES.default, tableOfPath(rest.number), {}) : []),
  ];
  return {
    rules: sortPolicyRules(rules.flatMap((rule) => keepFromArriving(rule, proxies))),
    standby: joinStandby([...grouped.standby, ...dnsStandby(layer.dns), ...defaultStandby(rest)]),
    beyond: grouped.beyond,
  };
}

/** The default's alternatives have the preferences before it. */
function defaultStandby(rest: PathRef): StandbyRules[] {
  const alternatives = alternativePaths(rest);
  return alternatives.map(({ path, while: one }, index) => ({
    ...one,
    rules: both(PLACES.default - alternatives.length + index, tableOf(path) ?? MAIN_TABLE, {}),
  }));
}

/** Queries to declared servers change their path with the tunnel that carries them. */
function dnsStandby(dns: DnsPolicy | null): StandbyRules[] {
  if (dns === null) return [];
  const alternatives = alternativePaths(dns.path);
  return alternatives.map(({ path, while: one }, index) => ({
    ...one,
    rules: dnsRules(dns.servers, tableOf(path), PLACES.dns - alternatives.length + index),
  }));
}

/** One entry for each switch, ascending. */
function joinStandby(entries: readonly StandbyRules[]): StandbyRules[] {
  const bySwitch = Map.groupBy(entries, switchName);
  return [...bySwitch.values()]
    .flatMap(([first, ...more]) =>
      first === undefined
        ? []
        : [{ path: first.path, to: first.to, rules: sortPolicyRules([first, ...more].flatMap(({ rules }) => rules)) }],
    )
    .toSorted((a, b) => a.path - b.path || a.to - b.to);
}

/** The table for the lookups of a path; blocked traffic needs none. */
function tableOf(path: PathRef): number | undefined {
  if (path.kind === "block") return undefined;
  return path.kind === "direct" ? MAIN_TABLE : tableOfPath(path.number);
}

function markMatch(pathNumber: number): PolicyRuleMatch {
  return { mark: { value: markOfPath(pathNumber), mask: MARK_MASK } };
}

/**
 * DHCP renewals and link-local unicast keep the device that the sender bound to (S4.8). A lookup bound to a device
 * still ends at another table's `unreachable`, so it must not get there.
 */
const LINK_TRAFFIC: readonly PolicyRule[] = [
  policyRule(4, PLACES.link, MAIN_TABLE, { protocol: "udp", ports: portRange(DHCPV4.server), local: true }),
  policyRule(6, PLACES.link, MAIN_TABLE, { destination: LINK_LOCAL }),
];

/** Our own queries for endpoints carry no mark when their source address is selected (S3.3). */
function bootstrapRule(server: string, serviceUid: number): PolicyRule {
  const { family, prefix } = hostPrefix(server);
  return policyRule(family, PLACES.engine, MAIN_TABLE, {
    destination: prefix,
    uids: { from: serviceUid, to: serviceUid },
    ports: portRange(DNS_PORT),
    local: true,
  });
}

/** What is sent from a tunnel's address uses that tunnel (S4.1); elsewhere it would be dropped (S2.2). */
function fromSource(address: string, table: number): PolicyRule {
  const { family, prefix } = hostPrefix(address);
  return policyRule(family, PLACES.tunnelSources, table, { source: prefix });
}

/** Replies to allowed incoming connections (S3.4) are matched by the local port and go back directly (S4.1). */
function answers(allow: readonly AllowGrant[]): PolicyRule[] {
  return allow
    .filter(({ direction }) => direction === "in")
    .flatMap(({ protocol, ports, prefixes }) => {
      const name = protocol === undefined ? undefined : ROUTABLE_PROTOCOLS[protocol];
      if (name === undefined || ports === undefined) return [];
      return matches({ destinations: prefixes, uids: undefined }).flatMap(({ families, match }) =>
        ports.flatMap((sourcePorts) =>
          families.map((family) =>
            policyRule(family, PLACES.answers, MAIN_TABLE, { ...match, protocol: name, sourcePorts, local: true }),
          ),
        ),
      );
    });
}

/**
 * DNS to a declared server uses the path of the servers, before every rule (S4.2). Guests' queries are selected by a mark, and
 * not by their port: a rule with a port that is not for local packets makes the kernel dissect each packet that arrives
 * (fib_rule_requires_fldissect of net/fib_rules.h).
 */
function dnsRules(servers: readonly string[], table: number | undefined, place: number): PolicyRule[] {
  if (table === undefined) return [];
  return servers.flatMap((server) => {
    const { family, prefix: destination } = hostPrefix(server);
    const ofGuests = { destination, mark: { value: GUEST_DNS_MARK, mask: MARK_MASK } };
    return [
      ...[DNS_PORT, DNS_ENCRYPTED_PORT].map((port) =>
        policyRule(family, place, table, { destination, ports: portRange(port), local: true }),
      ),
      policyRule(family, place, table, ofGuests),
    ];
  });
}

/**
 * Consecutive rules of one path share a preference: any match gives the same lookup. Before those with alternatives one
 * preference for each stays free. Rules with alternatives for a part of their flows share none, so that the order of the
 * alternatives is that of each rule.
 */
function groupRules(flows: readonly FlowRule[]): PolicyRules {
  const rules: PolicyRule[] = [];
  const standby: StandbyRules[] = [];
  const beyond: FlowRule[] = [];
  let group = -1;
  let last: string | undefined;
  for (const [index, { path, match, origin }] of flows.entries()) {
    const table = tableOf(path);
    if (table === undefined) continue;
    const others = alternativesOf(path, match);
    const isShared = others.every((other) => other.match === match);
    const name = [table, ...others.map(({ table: other }) => other), ...(isShared ? [] : [`rule ${index}`])].join();
    if (name !== last) group += 1 + others.length;
    last = name;
    if (group >= RULE_GROUPS) {
      beyond.push({ path, match, origin });
      continue;
    }
    rules.push(...matchRules(PLACES.rules + group, table, match));
    const first = PLACES.rules + group - others.length;
    standby.push(
      ...others.map((other, at) => ({ ...other.while, rules: matchRules(first + at, other.table, other.match) })),
    );
  }
  return { rules, standby, beyond };
}

interface Alternative {
  readonly while: PathSwitch;
  readonly match: FlowMatch;
  readonly table: number;
}

/** Where the flows of a rule go while its tunnel is down, in order: other tunnels, then directly. */
function alternativesOf(path: PathRef, match: FlowMatch): Alternative[] {
  if (path.kind !== "tunnel") return [];
  const { number, substitutes = [], fallback } = path;
  return [
    ...substitutes.map((one) => ({
      while: { path: number, to: one.number },
      match: one.match ?? match,
      table: tableOfPath(one.number),
    })),
    ...(fallback === undefined ? [] : [{ while: { path: number, to: PATH_NUMBERS.direct }, match, table: MAIN_TABLE }]),
  ];
}

function allowOut(allow: readonly AllowGrant[]): PolicyRule[] {
  return allow
    .filter(({ direction }) => direction === "out")
    .flatMap(({ protocol, ports, prefixes }) =>
      matchRules(PLACES.allow, MAIN_TABLE, {
        ...(protocol === undefined ? {} : { protocol }),
        ...(ports === undefined ? {} : { ports }),
        ...(prefixes === undefined ? {} : { destinations: prefixes }),
      }),
    );
}

/** The default route leads no private address out: it is not on the link then (S4.6). */
function lan(): PolicyRule[] {
  const link = matchRules(PLACES.lan, MAIN_TABLE, { destinations: LINK_PREFIXES });
  const privates = matchRules(PLACES.lan, MAIN_TABLE, { destinations: PRIVATE_PREFIXES });
  return [...link, ...privates.map((rule) => ({ ...rule, suppressPrefixLength: 0 }))];
}
