import type { IpAddress } from "../../model/ip.ts";
import { canonicalPrefix, renderPrefix } from "../../model/prefix.ts";
import type { PolicyRuleMatch } from "../../model/resources/routes.ts";
import type { Route, RuleEntry } from "../ports/routes.ts";
import type { LiveMachine } from "./live-machine.ts";
import {
  familyOf,
  KERNEL_PROTOCOL,
  LOCAL_TABLE,
  MAIN_TABLE,
  type SimulatedLink,
  withoutLength,
} from "./machine-state.ts";
import { addressOf, covers, prefixOf } from "./memo.ts";

/** The fields of a packet that a route lookup uses. */
export interface RouteQuery {
  readonly destination: IpAddress;
  /** Undefined until the kernel chooses one; `from` rules do not match then. */
  readonly source?: IpAddress | undefined;
  readonly mark: number;
  readonly uid: number;
  readonly protocol: number;
  readonly port?: number | undefined;
  readonly sourcePort?: number | undefined;
  /** SO_BINDTODEVICE. */
  readonly boundDevice?: string | undefined;
}

export type RouteAnswer =
  | { readonly kind: "local" }
  | { readonly kind: "device"; readonly device: string; readonly gateway?: string }
  | { readonly kind: "unreachable"; readonly why: string };

/**
 * Looks up a packet's route as Linux does: rules by preference, in each table the longest prefix; "throw" and tables
 * without a match continue with the next rule. An IPv4 socket bound to a device sends on-link when the lookup fails
 * (net/ipv4/route.c, ip_route_output_key_hash_rcu: "Apparently, routing tables are wrong. Assume, that the destination
 * is on link").
 */
export function lookUpRoute(machine: LiveMachine, query: RouteQuery): RouteAnswer {
  const answer = lookUpByRules(machine, query);
  if (answer.kind !== "unreachable" || query.boundDevice === undefined || query.destination.family === 6) return answer;
  return { kind: "device", device: query.boundDevice };
}

function lookUpByRules(machine: LiveMachine, query: RouteQuery): RouteAnswer {
  for (const entry of rulesOf(machine)) {
    if (!ruleMatches(entry, query)) continue;
    if (entry.rule.table === LOCAL_TABLE) {
      const answer = lookUpLocal(machine, query);
      if (answer !== undefined) return answer;
      continue;
    }
    const route = lookUpTable(machine, entry.rule.table, query);
    if (route === undefined || route.type === "throw") continue;
    const { suppressPrefixLength } = entry.rule;
    if (suppressPrefixLength !== undefined && prefixOf(route.destination).length <= suppressPrefixLength) continue;
    if (route.type !== "unicast" || route.device === undefined) {
      return { kind: "unreachable", why: `${route.type} ${route.destination} in table ${route.table}` };
    }
    const { device, gateway } = route;
    return { kind: "device", device, ...(gateway === undefined ? {} : { gateway }) };
  }
  return { kind: "unreachable", why: "no route" };
}

/** macOS has one table and no policy rules; its own addresses are still looked up first. */
function rulesOf({ live }: LiveMachine): LiveMachine["live"]["rules"] {
  if (live.os !== "darwin") return live.rules;
  return ([4, 6] as const).flatMap((family) =>
    [LOCAL_TABLE, MAIN_TABLE].map((table, preference) => ({
      rule: { family, preference, match: {}, table },
      protocol: 0,
    })),
  );
}

function lookUpTable(machine: LiveMachine, table: number, query: RouteQuery): Route | undefined {
  const usable = (route: Route): boolean =>
    route.device === undefined ||
    (machine.link(route.device)?.up === true &&
      (query.boundDevice === undefined || query.boundDevice === route.device));
  const best = machine.routes.best(table, query.destination, usable);
  if (table !== MAIN_TABLE) return best;
  const connected = bestConnected(machine, query);
  const isCloser =
    best === undefined || prefixOf(connected?.destination ?? "::/0").length >= prefixOf(best.destination).length;
  return connected !== undefined && isCloser ? connected : best;
}

/** The connected route with the longest prefix, without building all others. */
function bestConnected(machine: LiveMachine, query: RouteQuery): Route | undefined {
  let best: { readonly link: SimulatedLink; readonly address: string } | undefined;
  for (const link of machine.live.links) {
    if (!link.up || link.medium === "loopback") continue;
    if (query.boundDevice !== undefined && query.boundDevice !== link.device) continue;
    for (const address of link.addresses) {
      if (!covers(address, query.destination)) continue;
      if (best === undefined || prefixOf(address).length > prefixOf(best.address).length) best = { link, address };
    }
  }
  return best === undefined ? undefined : connectedRoute(best.link, best.address);
}

function lookUpLocal(machine: LiveMachine, query: RouteQuery): RouteAnswer | undefined {
  if (isLocalAddress(machine, query.destination)) return { kind: "local" };
  if (query.destination.family === 4 || !covers("ff00::/8", query.destination)) return undefined;
  const device =
    query.boundDevice ??
    machine.live.links.find((link) => link.up && link.medium !== "loopback" && hasFamily(link, 6))?.device;
  return device === undefined ? undefined : { kind: "device", device };
}

/** Whether the address is one of the host's own; all of 127.0.0.0/8 is. */
export function isLocalAddress(machine: LiveMachine, address: IpAddress): boolean {
  if (covers("127.0.0.0/8", address)) return true;
  return machine.live.links.some(
    (link) =>
      link.up &&
      link.addresses.some((text) => {
        const own = addressOf(withoutLength(text));
        return own.family === address.family && own.value === address.value;
      }),
  );
}

/** The connected routes in main: one per address with a network prefix. */
export function connectedRoutes(links: readonly SimulatedLink[]): Route[] {
  return links
    .filter((link) => link.up && link.medium !== "loopback")
    .flatMap((link) => link.addresses.flatMap((address) => connectedRoute(link, address) ?? []));
}

function connectedRoute({ device }: SimulatedLink, address: string): Route | undefined {
  const prefix = prefixOf(address);
  if (prefix.family === 4 && prefix.length === 32) return undefined;
  const destination = renderPrefix(canonicalPrefix(prefix));
  const metric = prefix.family === 4 ? 0 : 256;
  const place = { family: prefix.family, table: MAIN_TABLE, destination, metric } as const;
  return { ...place, type: "unicast", device, protocol: KERNEL_PROTOCOL };
}

/** The routes of the addresses in the kernel's local table. */
export function localRoutes(links: readonly SimulatedLink[]): Route[] {
  return links
    .filter((link) => link.up)
    .flatMap((link) =>
      link.addresses.map(
        (text): Route => ({
          family: familyOf(text),
          table: LOCAL_TABLE,
          destination: `${withoutLength(text)}/${familyOf(text) === 4 ? 32 : 128}`,
          type: "local",
          device: link.device,
          metric: 0,
          protocol: KERNEL_PROTOCOL,
        }),
      ),
    );
}

/**
 * The source address that the kernel chooses for a packet out of a device: the device's address with the longest common
 * prefix, else any of the host's (simplified from RFC 6724 section 5).
 */
export function chooseSource(machine: LiveMachine, device: string, destination: IpAddress): IpAddress | undefined {
  const linkLocal = destination.family === 6 && (covers("fe80::/10", destination) || covers("ff02::/16", destination));
  let other: IpAddress | undefined;
  for (const link of machine.live.links) {
    if (!link.up || link.medium === "loopback" || (other !== undefined && link.device !== device)) continue;
    for (const text of link.addresses) {
      const address = addressOf(withoutLength(text));
      if (address.family !== destination.family) continue;
      if (address.family === 6 && covers("fe80::/10", address) !== linkLocal) continue;
      if (link.device === device) return address;
      other ??= address;
    }
  }
  return other;
}

function hasFamily(link: SimulatedLink, family: 4 | 6): boolean {
  return link.addresses.some((text) => familyOf(text) === family);
}

function ruleMatches(entry: RuleEntry, query: RouteQuery): boolean {
  if (entry.rule.family !== query.destination.family || entry.foreign !== undefined) return false;
  return selectorMatches(entry.rule.match, query);
}

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

function selectorMatches(match: PolicyRuleMatch, query: RouteQuery): boolean {
  if (match.mark !== undefined && (query.mark & match.mark.mask) >>> 0 !== match.mark.value >>> 0) return false;
  if (match.source !== undefined && (query.source === undefined || !covers(match.source, query.source))) return false;
  if (match.destination !== undefined && !covers(match.destination, query.destination)) return false;
  if (match.uids !== undefined && (query.uid < match.uids.from || query.uid > match.uids.to)) return false;
  if (match.protocol !== undefined && query.protocol !== PROTOCOL_NUMBERS[match.protocol]) return false;
  return isPortIn(match.ports, query.port) && isPortIn(match.sourcePorts, query.sourcePort);
}

function isPortIn(range: PolicyRuleMatch["ports"], port: number | undefined): boolean {
  return range === undefined || (port !== undefined && port >= range.from && port <= range.to);
}
