import { alternativePaths, pathOfSubstitute } from "../../../../../model/firewall/fallback.ts";
import { DNS_ENCRYPTED_PORT, DNS_PORT, protectedDnsPorts } from "../../../../../model/firewall/flow-path.ts";
import { LINK_PREFIXES, PRIVATE_PREFIXES } from "../../../../../model/firewall/link-traffic.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import type { FlowMatch, FlowRule, PathRef, PolicyLayer, Steering } from "../../../../../model/firewall/policy.ts";
import type { Expression } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import { whileSwitched } from "../fallback-sets.ts";
import { type Rule, rule } from "../rendered-table.ts";
import { COMMENT_OF_DEFAULT, commentOfRule } from "../rule-comment.ts";
import {
  addressesBut,
  addressesOf,
  alternativesOf,
  OUTWARD,
  type PeerMatch,
  type PeerSides,
  type RenderPlace,
} from "./conditions.ts";
import { onLink } from "./on-link.ts";
import { programOf } from "./program-classes.ts";
import { refuse } from "./refused-chain.ts";

/** How the order of S4 becomes rules. */
export interface PathChoice {
  readonly steering: Steering;
  readonly layer: Pick<PolicyLayer, "dns" | "allow" | "allowLan">;
  /** `INWARD` asks for the path of the answer (S6.3); its user is not known. */
  readonly sides?: PeerSides;
  /** The packets are later fragments: a condition on ports may or may not hold of them (S9.2). */
  readonly fragments?: boolean;
  /** What to do with a packet of this path. */
  readonly take: (path: PathRef, what: PathMatch) => Expression | readonly Expression[];
}

/** How a packet matched its path: it is a query to a declared server; its next hop is its destination (S4.6). */
export interface PathMatch {
  readonly dns: boolean;
  readonly onLink?: true;
}

/** The rules that find a packet's path: DNS, rules, stated exceptions, LAN, default; first match wins (S4). */
export function pathRules(place: RenderPlace, choice: PathChoice): Rule[] {
  const { layer, steering } = choice;
  const direct: PathRef = { kind: "direct" };
  return [
    ...dnsRules(place, choice),
    ...steering.rules.flatMap(({ origin, match, path }) => [
      ...partRules(place, choice, { origin, match, path }),
      ...matchRules(place, choice, setName(origin), match, path, commentOfRule(origin)),
    ]),
    ...layer.allow.flatMap(({ direction, prefixes, ...rest }, index) => {
      const match = { ...rest, ...(prefixes === undefined ? {} : { destinations: prefixes }) };
      const comment = `S4.5 killSwitch.allow/${index}`;
      return direction === "out" ? matchRules(place, choice, `allow-${index}`, match, direct, comment) : [];
    }),
    ...(layer.allowLan ? localRules(place, choice) : []),
    ...targetRules(place, choice, [], steering.default, COMMENT_OF_DEFAULT),
  ];
}

/**
 * S4.6. A packet that leaves must go straight to a private destination; a frame past the IP stack has no next hop to look at.
 * A sender is judged by its address, because the answer to one behind a router is refused.
 */
function localRules(place: RenderPlace, choice: PathChoice): Rule[] {
  const comment = "S4.6 local network";
  const { sides = OUTWARD, take } = choice;
  const direct: PathRef = { kind: "direct" };
  const link = matchRules(place, choice, "link", { destinations: LINK_PREFIXES }, direct, comment);
  if (sides !== OUTWARD)
    return [...link, ...matchRules(place, choice, "private", { destinations: PRIVATE_PREFIXES }, direct, comment)];
  if (place.sets.family !== "inet") return link;
  const then = take(direct, { dns: false, onLink: true });
  return [...link, ...onLink(place, PRIVATE_PREFIXES).map((isOnLink) => rule(isOnLink, then, comment))];
}

/** S4.2 and S4.3. */
function dnsRules(place: RenderPlace, { layer, sides = OUTWARD, fragments = false, take }: PathChoice): Rule[] {
  const { dns } = layer;
  if (dns === null) return [];
  const both = [DNS_PORT, DNS_ENCRYPTED_PORT];
  const servers = fragments && dns.path.kind !== "direct" ? [] : addressesOf(place, "dns-servers", sides, dns.servers);
  const toServers = servers.flatMap((address) => {
    const conditions = [...address, ...dnsPorts(place, sides, fragments ? [] : both)];
    return [
      ...switchedRules(
        place,
        conditions,
        dns.path,
        (path) => take(path, { dns: true }),
        "S4.2 DNS to a declared server",
      ),
      rule(conditions, take(dns.path, { dns: true }), "S4.2 DNS to a declared server"),
    ];
  });
  const watched = protectedDnsPorts(dns);
  if (watched.length === 0 || fragments) return toServers;
  const others = addressesBut(place, "tunnel-dns-servers", sides, dns.ofTunnels ?? []);
  return [
    ...toServers,
    ...others.map((address) =>
      rule([...address, ...dnsPorts(place, sides, watched)], refuse(), "S4.3 DNS to another server"),
    ),
  ];
}

function matchRules(
  place: RenderPlace,
  choice: PathChoice,
  name: string,
  match: FlowMatch,
  target: PathRef,
  comment: string,
  only: readonly Match[] = [],
): Rule[] {
  // Without its ports it is not sure that a later fragment is meant: then only letting it out may be decided (S9.2).
  const isUnsure = choice.fragments === true && match.ports !== undefined;
  return alternativesFor(place, choice, name, match).flatMap((conditions) =>
    targetRules(place, choice, [...conditions, ...only], target, comment, isUnsure),
  );
}

/** The alternatives that together are a match, the same for each chain that sees packets alike. */
function alternativesFor(
  place: RenderPlace,
  { sides = OUTWARD, fragments = false }: PathChoice,
  name: string,
  match: FlowMatch,
): readonly Match[][] {
  const { destinations, uids, classes, sets, ...rest } = match;
  if (sides !== OUTWARD && (uids !== undefined || classes !== undefined)) return [];
  const repeated = place.repeated[sides !== OUTWARD ? "inward" : fragments ? "fragments" : "outward"];
  const known = repeated.get(match);
  if (known !== undefined) return known;
  const programs = programOf(place, name, classes);
  const prefixes = destinations === undefined ? {} : { prefixes: destinations };
  const users = uids === undefined ? {} : { uids };
  const names = sets === undefined ? {} : { sets };
  const peer: PeerMatch = { ...rest, ...prefixes, ...names, ...users, portsUnknown: fragments };
  const alternatives = alternativesOf(place, name, sides, peer).flatMap((alternative) =>
    programs.map((program) => [...alternative, ...program]),
  );
  repeated.set(match, alternatives);
  return alternatives;
}

/** S4.9: parts of a rule's flows that take a substitute's path while its switch is in force. */
function partRules(place: RenderPlace, choice: PathChoice, { origin, path }: FlowRule): Rule[] {
  if (path.kind !== "tunnel") return [];
  return (path.substitutes ?? []).flatMap((one, index) => {
    if (one.match === undefined) return [];
    const only = whileSwitched(place, { path: path.number, to: one.number });
    const comment = `S4.4 ${origin}, S4.9 while its tunnel is down`;
    const name = `${setName(origin)}-next-${index}`;
    return matchRules(place, choice, name, one.match, pathOfSubstitute(one), comment, [only]);
  });
}

/** What the conditions select goes its path, or another while the tunnel of that path is down (S4.9). */
function targetRules(
  place: RenderPlace,
  { take }: PathChoice,
  conditions: readonly Match[],
  target: PathRef,
  comment: string,
  onlyDirect = false,
): Rule[] {
  const then = (path: PathRef) => take(path, { dns: false });
  const isUsed = (path: PathRef) => !onlyDirect || path.kind === "direct";
  return [
    ...switchedRules(place, conditions, target, then, comment, isUsed),
    ...(isUsed(target) ? [rule(conditions, then(target), comment)] : []),
  ];
}

function switchedRules(
  place: RenderPlace,
  conditions: readonly Match[],
  target: PathRef,
  then: (path: PathRef) => ReturnType<PathChoice["take"]>,
  comment: string,
  isUsed: (path: PathRef) => boolean = () => true,
): Rule[] {
  return alternativePaths(target)
    .filter(({ path }) => isUsed(path))
    .map(({ path, while: one }) =>
      rule([...conditions, whileSwitched(place, one)], then(path), `${comment}, S4.9 while its tunnel is down`),
    );
}

/** The packet is carried by TCP or UDP, to or from one of these ports; none means any. */
export function dnsPorts({ sets, match }: RenderPlace, sides: PeerSides, ports: readonly number[]): Match[] {
  const carriers = sets.values("dns-protocols", "l4proto", [PROTOCOL.tcp, PROTOCOL.udp]);
  const carried = match.inSet("l4proto", carriers);
  const [only] = ports;
  if (only === undefined) return [carried];
  if (ports.length === 1) return [carried, match.ports("th", sides.port, only)];
  const set = sets.ports(
    "dns-ports",
    ports.map((port) => ({ from: port, to: port })),
  );
  return [carried, match.inSet(`th.${sides.port}`, set)];
}

/** What nft takes for a name: "rules/2 (browser)" becomes rules-2. */
function setName(origin: string): string {
  const name = origin
    .split(" ", 1)
    .join("")
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .replaceAll(/^[^A-Za-z]+|-+$/g, "");
  return name === "" ? "rule" : name.slice(0, 60);
}
