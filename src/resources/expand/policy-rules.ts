import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../model/firewall/flow-path.ts";
import { DHCPV4, LINK_LOCAL, LINK_PREFIXES, PRIVATE_PREFIXES } from "../../model/firewall/link-traffic.ts";
import {
  type AllowGrant,
  type FirewallPolicy,
  type FlowMatch,
  type FlowRule,
  isForFilterAlone,
  type PathRef,
  type PortRange,
} from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
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
import { familyOfText } from "./tunnels/place-tunnels.ts";

const MAIN_TABLE = 254;
const FAMILIES: readonly Family[] = [4, 6];
const ROUTABLE_PROTOCOLS: Readonly<Record<number, "tcp" | "udp">> = { 6: "tcp", 17: "udp" };

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
  fallback: RULE_PREFERENCES.last - RULE_PREFERENCES.first - 1,
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
  /** Rules to put before them while a path's fallback is in force (S4.9), by path. */
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
  const grouped = groupRules(flows);
  const exceptions = rest.kind === "tunnel" ? [...allowOut(layer.allow), ...(layer.allowLan ? lan() : [])] : [];
  const rules = [
    ...both(PLACES.engine, MAIN_TABLE, ENGINE),
    ...both(PLACES.engineGuard, tableOfPath(PATH_NUMBERS.engine), ENGINE),
    ...both(PLACES.marks, MAIN_TABLE, markMatch(PATH_NUMBERS.direct)),
    ...layer.tunnels.flatMap(({ number }) => both(PLACES.marks, tableOfPath(number), markMatch(number))),
    ...layer.bootstrapDns.map((server) => bootstrapRule(server, layer.serviceUid)),
    ...LINK_TRAFFIC,
    ...layer.tunnels.flatMap(({ addresses, number }) =>
      addresses.map((source) => fromSource(source, tableOfPath(number))),
    ),
    ...answers(layer.allow),
    ...(layer.dns === null ? [] : dnsRules(layer.dns.servers, layer.dns.path)),
    ...grouped.rules,
    ...exceptions,
    ...(rest.kind === "tunnel" ? both(PLACES.default, tableOfPath(rest.number), {}) : []),
  ];
  const rest4And6 = fallsBack(rest) ? [{ path: rest.number, rules: both(PLACES.fallback, MAIN_TABLE, {}) }] : [];
  const standby = joinStandby([...grouped.standby, ...rest4And6]);
  return { rules: sortPolicyRules(rules), standby, beyond: grouped.beyond };
}

type TunnelPath = Extract<PathRef, { kind: "tunnel" }>;

function fallsBack(path: PathRef): path is TunnelPath {
  return path.kind === "tunnel" && path.fallback === "direct";
}

/** One entry for each path, ascending. */
function joinStandby(entries: readonly StandbyRules[]): StandbyRules[] {
  const paths = [...new Set(entries.map(({ path }) => path))].toSorted((a, b) => a - b);
  return paths.map((path) => ({
    path,
    rules: sortPolicyRules(entries.filter((entry) => entry.path === path).flatMap(({ rules }) => rules)),
  }));
}

/** The table for the lookups of a path; blocked traffic needs none. */
function tableOf(path: PathRef): number | undefined {
  if (path.kind === "block") return undefined;
  return path.kind === "direct" ? MAIN_TABLE : tableOfPath(path.number);
}

function markMatch(pathNumber: number): PolicyRuleMatch {
  return { mark: { value: markOfPath(pathNumber), mask: MARK_MASK } };
}

function policyRule(family: Family, place: number, table: number, match: PolicyRuleMatch): PolicyRule {
  return { family, preference: RULE_PREFERENCES.first + place, match, table };
}

function both(place: number, table: number, match: PolicyRuleMatch): PolicyRule[] {
  return FAMILIES.map((family) => policyRule(family, place, table, match));
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
function dnsRules(servers: readonly string[], path: PathRef): PolicyRule[] {
  const table = tableOf(path);
  if (table === undefined) return [];
  return servers.flatMap((server) => {
    const { family, prefix: destination } = hostPrefix(server);
    const ofGuests = { destination, mark: { value: GUEST_DNS_MARK, mask: MARK_MASK } };
    return [
      ...[DNS_PORT, DNS_ENCRYPTED_PORT].map((port) =>
        policyRule(family, PLACES.dns, table, { destination, ports: portRange(port), local: true }),
      ),
      policyRule(family, PLACES.dns, table, ofGuests),
    ];
  });
}

/**
 * Consecutive rules of one path share a preference: any match gives the same lookup. Before those with a fallback a
 * preference stays free for the fallback's rule.
 */
function groupRules(flows: readonly FlowRule[]): PolicyRules {
  const rules: PolicyRule[] = [];
  const standby: StandbyRules[] = [];
  const beyond: FlowRule[] = [];
  let group = -1;
  let last: string | undefined;
  for (const { path, match, origin } of flows) {
    const table = tableOf(path);
    if (table === undefined) continue;
    const name = `${table} ${fallsBack(path)}`;
    if (name !== last) group += fallsBack(path) ? 2 : 1;
    last = name;
    if (group >= RULE_GROUPS) beyond.push({ path, match, origin });
    else rules.push(...matchRules(PLACES.rules + group, table, match));
    if (group < RULE_GROUPS && fallsBack(path))
      standby.push({ path: path.number, rules: matchRules(PLACES.rules + group - 1, MAIN_TABLE, match) });
  }
  return { rules, standby, beyond };
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

/** All combinations of a match. In these rules the kernel can name no protocols but TCP and UDP. */
function matchRules(place: number, table: number, match: FlowMatch): PolicyRule[] {
  if (isForFilterAlone(match)) return [];
  const protocol = match.protocol === undefined ? undefined : ROUTABLE_PROTOCOLS[match.protocol];
  if (match.protocol !== undefined && protocol === undefined) return [];
  return matches(match).flatMap(({ families, match: selected }) =>
    (match.ports ?? [undefined]).flatMap((ports) =>
      families.map((family) =>
        policyRule(family, place, table, {
          ...selected,
          ...(protocol === undefined ? {} : { protocol }),
          ...(ports === undefined ? {} : { ports }),
        }),
      ),
    ),
  );
}

interface Selected {
  readonly families: readonly Family[];
  readonly match: PolicyRuleMatch;
}

/** Destinations and users combined. A default prefix selects a whole family; such a rule names no prefix. */
function matches({
  destinations,
  uids,
}: {
  destinations?: readonly string[] | undefined;
  uids?: FlowMatch["uids"];
}): Selected[] {
  const places: Selected[] =
    destinations === undefined
      ? [{ families: FAMILIES, match: {} }]
      : destinations.map((destination) => ({
          families: [familyOfText(destination)],
          match: destination.endsWith("/0") ? {} : { destination },
        }));
  if (uids === undefined) return places;
  // Packets that arrive have no user, and the kernel looks up their route as root's (ip_route_input_slow of net/ipv4/route.c).
  return places.flatMap(({ families, match }) =>
    uids.map((range) => ({ families, match: { ...match, uids: range, local: true as const } })),
  );
}

function portRange(port: number): PortRange {
  return { from: port, to: port };
}

function hostPrefix(address: string): { readonly family: Family; readonly prefix: string } {
  const family = familyOfText(address);
  return { family, prefix: `${address}/${family === 4 ? 32 : 128}` };
}
