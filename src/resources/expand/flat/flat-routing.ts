import type { FirewallPolicy, FlowMatch, PathRef } from "../../../model/firewall/policy.ts";
import { addressBits } from "../../../model/ip.ts";
import { comparePrefix, type Prefix, parsePrefix, prefixContains, renderPrefix } from "../../../model/prefix.ts";
import type { PlacedTunnel } from "../expansion.ts";
import { beyondDestinations, isByDestination } from "./beyond-destinations.ts";
import { PrefixSet } from "./prefix-set.ts";

/** The routes of a host that routes by destination alone, longest prefix first. */
export interface FlatRouting {
  /** Prefixes routed into each tunnel's device, canonical, sorted; a whole family is split in halves. */
  readonly into: ReadonlyMap<string, readonly string[]>;
  /** What must use the physical gateway although a tunnel's route covers it, sorted. */
  readonly direct: readonly string[];
  /** Places of rules and exceptions ("rules.2") that need another path and that a destination alone cannot express. */
  readonly beyond: readonly string[];
}

interface Entry {
  readonly prefixes: readonly Prefix[];
  readonly path: PathRef;
}

/** Both families whole. */
const EVERYTHING: readonly string[] = ["0.0.0.0/0", "::/0"];

/**
 * Converts "the first matching rule" into "the longest prefix". Entries are placed in the order in which they are
 * judged: endpoints, DNS servers, rules, exceptions, default. An earlier entry keeps what it covers. The link has routes of its own. A tunnel gets the
 * part of an entry that its peers accept. Blocked prefixes need no route: the packet filter judges by flow and device.
 */
export function flatRouting(policy: FirewallPolicy, tunnels: readonly PlacedTunnel[]): FlatRouting {
  const carried = new Map(tunnels.map((tunnel) => [tunnel.device, carriedBy(tunnel)]));
  const placed = new PrefixSet();
  const into = new Map<string, Prefix[]>(tunnels.map(({ device }) => [device, []]));
  const covered = new PrefixSet();
  const direct: Prefix[] = [];
  for (const { prefixes, path } of entriesOf(policy)) {
    const fresh = prefixes.filter((prefix) => !placed.covers(prefix));
    const allowed = path.kind === "tunnel" ? carried.get(path.device) : undefined;
    const routes =
      allowed === undefined
        ? []
        : fresh.flatMap((prefix) => allowed.within(prefix)).filter((one) => !placed.covers(one));
    if (path.kind === "tunnel") into.get(path.device)?.push(...routes);
    for (const route of routes) covered.add(route);
    if (path.kind === "direct") direct.push(...fresh);
    for (const prefix of fresh) placed.add(prefix);
  }
  return {
    into: new Map([...into].map(([device, prefixes]) => [device, texts(prefixes)])),
    direct: texts(direct.filter((prefix) => covered.covers(prefix))),
    beyond: beyondDestinations(policy),
  };
}

function entriesOf({ steering, layers }: FirewallPolicy): Entry[] {
  const [layer] = layers;
  if (layer === undefined) return [];
  const { rules, default: rest } = steering;
  const direct: PathRef = { kind: "direct" };
  const { dns, endpoints, allow } = layer;
  const exceptions = rest.kind !== "tunnel" ? [] : allow.filter(({ direction }) => direction === "out");
  return [
    { prefixes: parsed(endpoints.map(({ address }) => address)), path: direct },
    ...(dns === null ? [] : [{ prefixes: parsed(dns.servers), path: dns.path }]),
    ...rules.flatMap(({ match, path }) => entryOf(match, path)),
    ...exceptions.flatMap(({ prefixes, ports, protocol }) =>
      prefixes === undefined || ports !== undefined || protocol !== undefined
        ? []
        : [{ prefixes: parsed(prefixes), path: direct }],
    ),
    { prefixes: parsed(EVERYTHING), path: rest },
  ];
}

/** A rule that the destination alone decides; an empty match applies to everything. */
function entryOf(match: FlowMatch, path: PathRef): Entry[] {
  return isByDestination(match) ? [{ prefixes: parsed(match.destinations ?? EVERYTHING), path }] : [];
}

/** What a tunnel's peers accept in the families it carries. */
function carriedBy({ tunnel, families }: PlacedTunnel): { within(prefix: Prefix): readonly Prefix[] } {
  const allowed = tunnel.peers
    .flatMap(({ allowedIPs }) => allowedIPs.flatMap((text) => parsePrefix(text) ?? []))
    .filter(({ family }) => families.includes(family));
  const wider = new PrefixSet();
  for (const prefix of allowed) wider.add(prefix);
  return {
    within: (prefix) =>
      wider.covers(prefix)
        ? [prefix]
        : allowed.filter((one) => one.length > prefix.length && prefixContains(prefix, one)),
  };
}

/** More specific than a default route, so the host's own default route stays (as wg-quick does on macOS). */
function inHalves(prefix: Prefix): Prefix[] {
  if (prefix.length > 0) return [prefix];
  const { family } = prefix;
  const upper = 1n << BigInt(addressBits(family) - 1);
  return [0n, upper].map((address) => ({ family, address, length: 1 }));
}

function parsed(prefixes: readonly string[]): Prefix[] {
  return prefixes.flatMap((text) => parsePrefix(text) ?? []).flatMap(inHalves);
}

function texts(prefixes: readonly Prefix[]): string[] {
  return [...new Set(prefixes.toSorted(comparePrefix).map(renderPrefix))];
}
