import { type IpAddress, parseIp } from "../../model/ip.ts";
import { canonicalPrefix, type Prefix, parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { PolicyRule, PolicyRuleMatch } from "../../model/resources/routes.ts";
import type { KnownRoute, KnownRouting } from "./routing.ts";

/** The packet fields that a lookup uses. */
export interface LookUp {
  readonly destination: IpAddress;
  /** Absent before the kernel selects a source; rules with a source selector do not match then. */
  readonly source?: IpAddress;
  readonly mark: number;
  readonly uid: number;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port?: number;
  readonly sourcePort?: number;
}

/** The rule and the route that decide. */
export interface FoundRoute {
  /** A device, "(local)", "(unreachable)", "(blackhole)", "(other)" or "(no route)". */
  readonly leadsTo: string;
  readonly rule?: PolicyRule;
  readonly route?: KnownRoute;
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** Whether a router leads to the destination. */
export function isByRouter({ route }: FoundRoute): boolean {
  return route?.gateway !== undefined;
}

/** Looks up one packet as the kernel does. Returns the deciding rule and route. Pure. */
export function traceRoute({ rules, routes }: KnownRouting, look: LookUp): FoundRoute {
  const { family } = look.destination;
  const mine = rules.filter(({ rule, foreign }) => rule.family === family && foreign === undefined);
  for (const { rule } of mine.toSorted((a, b) => a.rule.preference - b.rule.preference)) {
    if (!isSelected(rule.match, look)) continue;
    const inTable = routes.filter((route) => route.family === family && route.table === rule.table);
    const route = closest(inTable, look.destination);
    if (route === undefined || route.found.type === "throw") continue;
    if (rule.suppressPrefixLength !== undefined && route.length <= rule.suppressPrefixLength) continue;
    const { found } = route;
    return { leadsTo: exitOf(found), rule, route: found };
  }
  return { leadsTo: "(no route)" };
}

function exitOf({ type, device }: KnownRoute): string {
  // The kernel's IPv6 groups have routes of this type, one for each device.
  return type === "unicast" || type === "multicast" ? (device ?? "(other)") : `(${type})`;
}

function isSelected(match: PolicyRuleMatch, look: LookUp): boolean {
  const { mark, source, destination, uids, protocol, ports, sourcePorts } = match;
  return (
    (mark === undefined || (look.mark & mark.mask) >>> 0 === mark.value >>> 0) &&
    (source === undefined || (look.source !== undefined && covers(source, look.source))) &&
    (destination === undefined || covers(destination, look.destination)) &&
    (uids === undefined || (look.uid >= uids.from && look.uid <= uids.to)) &&
    (protocol === undefined || PROTOCOLS[protocol] === look.protocol) &&
    isPortIn(ports, look.port) &&
    isPortIn(sourcePorts, look.sourcePort)
  );
}

function closest(routes: readonly KnownRoute[], destination: IpAddress) {
  let best: { readonly found: KnownRoute; readonly length: number } | undefined;
  for (const found of routes) {
    const prefix = parsePrefix(found.destination);
    if (prefix === undefined || !prefixContains(canonicalPrefix(prefix), hostPrefix(destination))) continue;
    const isBetter =
      best === undefined ||
      prefix.length > best.length ||
      (prefix.length === best.length && found.metric < best.found.metric);
    if (isBetter) best = { found, length: prefix.length };
  }
  return best;
}

function covers(text: string, address: IpAddress): boolean {
  const prefix = parsePrefix(text);
  return prefix !== undefined && prefixContains(canonicalPrefix(prefix), hostPrefix(address));
}

function hostPrefix({ family, value }: IpAddress): Prefix {
  return { family, address: value, length: family === 4 ? 32 : 128 };
}

function isPortIn(range: PolicyRuleMatch["ports"], port: number | undefined): boolean {
  return range === undefined || (port !== undefined && port >= range.from && port <= range.to);
}

/** The first address of a device in the family, without prefix length; undefined if there is none. */
export function sourceOf(addresses: readonly string[], destination: IpAddress): IpAddress | undefined {
  for (const text of addresses) {
    const address = parseIp(text.split("/", 1).join(""));
    if (address?.family === destination.family) return address;
  }
  return undefined;
}
