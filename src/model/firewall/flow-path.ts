import type { IpAddress } from "../ip.ts";
import { isInClasses } from "../program/class-rules.ts";
import { AddressSet, addressSetOf, lateAddressSet } from "./address-set.ts";
import { LINK_PREFIXES, PRIVATE_PREFIXES } from "./link-traffic.ts";
import { type Flow, PROTOCOL } from "./packet.ts";
import type {
  AllowGrant,
  DnsPolicy,
  FlowMatch,
  FlowRule,
  PathRef,
  PolicyLayer,
  PortRange,
  RuleLimit,
  Steering,
} from "./policy.ts";

/** Ports of DNS over UDP and TCP, and of DNS over TLS and QUIC (RFC 7858, RFC 9250). */
export const DNS_PORT = 53;
export const DNS_ENCRYPTED_PORT = 853;

/** The path of a flow, and the rule that decided it. */
export interface FlowPath {
  readonly path: PathRef;
  readonly reason: string;
  /** A query to a declared DNS server, which must take its path even without the kill switch (S8.1). */
  readonly isDeclaredDns?: true;
  /** The rates of the rule. */
  readonly limit?: RuleLimit;
}

const BLOCK: PathRef = { kind: "block" };
const DIRECT: PathRef = { kind: "direct" };
const ofLink = lateAddressSet(LINK_PREFIXES);
const privates = lateAddressSet(PRIVATE_PREFIXES);

/** The place of a rule in the configuration: "rules.2". */
export function placeOf({ origin }: Pick<FlowRule, "origin">): string {
  return origin.replace(/ .*$/, "").replaceAll("/", ".");
}

/** The ports of protected DNS: 53 and 853 with leak protection, 853 if only encrypted DNS is blocked (S4.3). */
export function protectedDnsPorts(dns: DnsPolicy | null): readonly number[] {
  if (dns?.leakProtection) return [DNS_PORT, DNS_ENCRYPTED_PORT];
  return dns?.blockEncrypted ? [DNS_ENCRYPTED_PORT] : [];
}

/**
 * The path of flows by one list of rules and the exceptions of one layer (chapter S4). The first match wins, in the order DNS,
 * rules, stated exceptions, LAN, default. The lists are compiled once.
 */
export function compileFlowPath(
  steering: Steering,
  layer: Pick<PolicyLayer, "dns" | "allow" | "allowLan">,
): (flow: Flow) => FlowPath {
  const dnsPath = compileDns(layer.dns);
  const rules = steering.rules.map((rule) => ({ rule, matches: compileMatch(rule.match) }));
  const exceptions = layer.allow.filter((grant) => grant.direction === "out").map(compileAllowOut);
  return (flow) => {
    const dns = dnsPath(flow);
    if (dns !== undefined) return dns;
    const found = rules.find(({ matches }) => matches(flow));
    if (found !== undefined) return pathOfRule(found.rule);
    if (exceptions.some((matches) => matches(flow))) return { path: DIRECT, reason: "S4.5 stated exception" };
    if (layer.allowLan && isLocal(flow)) return { path: DIRECT, reason: "S4.6 local network" };
    return { path: steering.default, reason: "S4.7 default" };
  };
}

/** The networks of tunnels have rules of their own, which come before (S4.11). */
function isLocal({ destination, offLink }: Flow): boolean {
  return ofLink.has(destination) || (offLink !== true && privates.has(destination));
}

/** Whether a flow matches: every present field must match. */
export function compileMatch(match: FlowMatch): (flow: Flow) => boolean {
  const destinations = match.destinations === undefined ? undefined : addressSetOf(match.destinations);
  const isAnywhere = destinations === undefined && match.sets === undefined;
  return (flow) =>
    (match.protocol === undefined || match.protocol === flow.protocol) &&
    (match.ports === undefined || isInRanges(match.ports, flow.destinationPort)) &&
    (match.uids === undefined || isInRanges(match.uids, flow.uid)) &&
    (match.classes === undefined ||
      (flow.programClass !== undefined && isInClasses(match.classes, flow.programClass))) &&
    (isAnywhere || destinations?.has(flow.destination) === true || isInSets(match, flow));
}

/** Whether a stated exception matches the other side's address, the protocol and the port that it names. */
export function compileAllow(grant: AllowGrant): (other: IpAddress, protocol: number, port?: number) => boolean {
  const prefixes = grant.prefixes === undefined ? undefined : new AddressSet(grant.prefixes);
  return (other, protocol, port) =>
    (grant.protocol === undefined || grant.protocol === protocol) &&
    (grant.ports === undefined || isInRanges(grant.ports, port)) &&
    (prefixes === undefined || prefixes.has(other));
}

function compileAllowOut(grant: AllowGrant): (flow: Flow) => boolean {
  const holds = compileAllow(grant);
  return (flow) => holds(flow.destination, flow.protocol, flow.destinationPort);
}

function compileDns(dns: DnsPolicy | null): (flow: Flow) => FlowPath | undefined {
  if (dns === null) return () => undefined;
  const servers = new AddressSet(dns.servers);
  const ofTunnels = new AddressSet(dns.ofTunnels ?? []);
  const watched = protectedDnsPorts(dns);
  return (flow) => {
    const port = flow.destinationPort;
    if (port === undefined || !isDns(flow)) return undefined;
    if (servers.has(flow.destination))
      return { path: dns.path, reason: "S4.2 DNS to a declared server", isDeclaredDns: true };
    return watched.includes(port) && !ofTunnels.has(flow.destination)
      ? { path: BLOCK, reason: "S4.3 DNS to another server" }
      : undefined;
  };
}

function isDns(flow: Flow): boolean {
  const carries = flow.protocol === PROTOCOL.udp || flow.protocol === PROTOCOL.tcp;
  return carries && (flow.destinationPort === DNS_PORT || flow.destinationPort === DNS_ENCRYPTED_PORT);
}

function isInSets({ sets = [] }: FlowMatch, { sets: held = [] }: Flow): boolean {
  return held.some((one) => sets.includes(one));
}

function pathOfRule(rule: FlowRule): FlowPath {
  const { path, origin, limit } = rule;
  return { path, reason: `S4.4 ${origin}`, ...(limit === undefined ? {} : { limit }) };
}

function isInRanges(ranges: readonly PortRange[], value: number | undefined): boolean {
  return value !== undefined && ranges.some((range) => value >= range.from && value <= range.to);
}
