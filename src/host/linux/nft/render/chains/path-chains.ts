import { DNS_ENCRYPTED_PORT, DNS_PORT, protectedDnsPorts } from "../../../../../model/firewall/flow-path.ts";
import { LINK_PREFIXES, PRIVATE_PREFIXES } from "../../../../../model/firewall/link-traffic.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import type { FlowMatch, PathRef, PolicyLayer, PortRange, Steering } from "../../../../../model/firewall/policy.ts";
import { type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { Match } from "../../../../../native/linux/nftables/match.ts";
import { REFUSED_CHAIN } from "../chain-names.ts";
import { whileFallenBack } from "../fallback-sets.ts";
import {
  addressesOf,
  alternativesOf,
  OUTWARD,
  type PeerMatch,
  type PeerSides,
  type RenderPlace,
} from "./conditions.ts";
import { onLink } from "./on-link.ts";

export const refuse = (): Expression => verdict("goto", REFUSED_CHAIN);

/** How the order of S4 is written into one chain. */
export interface PathChain {
  readonly chain: string;
  readonly steering: Steering;
  readonly layer: Pick<PolicyLayer, "dns" | "allow" | "allowLan">;
  /** `INWARD` asks for the path of the answer (S6.3), whose user is not known. */
  readonly sides?: PeerSides;
  /** The packets are later fragments: a condition on ports may or may not hold of them (S9.2). */
  readonly fragments?: boolean;
  /** The packets have no known user: what tells instead that their flow was one of these users' (S4.10). */
  readonly ofUsers?: (uids: readonly PortRange[]) => Match[][];
  /** What to do with a packet whose path this is. */
  readonly take: (path: PathRef, what: PathMatch) => Expression;
}

/** How a packet matched its path: it is a query to a declared server; its next hop is its destination (S4.6). */
export interface PathMatch {
  readonly dns: boolean;
  readonly onLink?: true;
}

/** Writes the rules that find a packet's path: DNS, rules, stated exceptions, LAN, default; first match wins (S4). */
export function writePathRules(place: RenderPlace, path: PathChain): void {
  writeDns(place, path);
  for (const rule of path.steering.rules) {
    writeMatch(place, path, setName(rule.origin), rule.match, rule.path, `S4.4 ${rule.origin}`);
  }
  const direct: PathRef = { kind: "direct" };
  for (const [index, grant] of path.layer.allow.entries()) {
    if (grant.direction !== "out") continue;
    const { direction: _out, prefixes, ...rest } = grant;
    const match = { ...rest, ...(prefixes === undefined ? {} : { destinations: prefixes }) };
    writeMatch(place, path, `allow-${index}`, match, direct, `S4.5 killSwitch.allow/${index}`);
  }
  if (path.layer.allowLan) writeLocal(place, path, direct);
  writeTarget(place, path, [], path.steering.default, "S4.7 default");
}

/**
 * S4.6. A packet that leaves must go straight to a private destination; a frame past the IP stack has no next hop to look at.
 * A sender is judged by its address, because the answer to one behind a router is refused.
 */
function writeLocal(place: RenderPlace, path: PathChain, direct: PathRef): void {
  const comment = "S4.6 local network";
  const { sides = OUTWARD } = path;
  writeMatch(place, path, "link", { destinations: LINK_PREFIXES }, direct, comment);
  if (sides !== OUTWARD) writeMatch(place, path, "private", { destinations: PRIVATE_PREFIXES }, direct, comment);
  else if (place.writer.family === "inet") {
    const then = path.take(direct, { dns: false, onLink: true });
    for (const isOnLink of onLink(place, PRIVATE_PREFIXES)) place.writer.rule(path.chain, isOnLink, then, comment);
  }
}

/** What the conditions select goes its path, or directly while the fallback of that path is in force (S4.9). */
function writeTarget(
  place: RenderPlace,
  { chain, take }: PathChain,
  conditions: readonly Match[],
  target: PathRef,
  comment: string,
  onlyDirect = false,
): void {
  if (target.kind === "tunnel" && target.fallback === "direct") {
    const down = [...conditions, whileFallenBack(place, target.number)];
    place.writer.rule(
      chain,
      down,
      take({ kind: "direct" }, { dns: false }),
      `${comment}, S4.9 while its tunnel is down`,
    );
  }
  if (onlyDirect && target.kind !== "direct") return;
  place.writer.rule(chain, conditions, take(target, { dns: false }), comment);
}

function writeMatch(
  place: RenderPlace,
  path: PathChain,
  name: string,
  match: FlowMatch,
  target: PathRef,
  comment: string,
): void {
  const { sides = OUTWARD, fragments = false, ofUsers } = path;
  const { destinations, uids, ...rest } = match;
  if (sides !== OUTWARD && uids !== undefined) return;
  const prefixes = destinations === undefined ? {} : { prefixes: destinations };
  const asked = uids === undefined || ofUsers !== undefined ? {} : { uids };
  const peer: PeerMatch = { ...rest, ...prefixes, ...asked, portsUnknown: fragments };
  const users = uids === undefined || ofUsers === undefined ? [[]] : ofUsers(uids);
  // Without its ports it is not sure that a later fragment is meant: then only letting it out may be decided (S9.2).
  const isUnsure = fragments && match.ports !== undefined;
  for (const alternative of alternativesOf(place, name, sides, peer)) {
    for (const user of users) writeTarget(place, path, [...alternative, ...user], target, comment, isUnsure);
  }
}

/** S4.2 and S4.3. */
function writeDns(place: RenderPlace, path: PathChain): void {
  const { dns } = path.layer;
  if (dns === null) return;
  const { chain, sides = OUTWARD, fragments = false, take } = path;
  const both = [DNS_PORT, DNS_ENCRYPTED_PORT];
  if (!fragments || dns.path.kind === "direct") {
    for (const address of addressesOf(place, "dns-servers", sides, dns.servers)) {
      const conditions = [...address, ...dnsPorts(place, sides, fragments ? [] : both)];
      place.writer.rule(chain, conditions, take(dns.path, { dns: true }), "S4.2 DNS to a declared server");
    }
  }
  const watched = protectedDnsPorts(dns);
  if (watched.length === 0 || fragments) return;
  place.writer.rule(chain, dnsPorts(place, sides, watched), refuse(), "S4.3 DNS to another server");
}

/** The packet is carried by TCP or UDP, to or from one of these ports; none means any. */
export function dnsPorts({ writer, match }: RenderPlace, sides: PeerSides, ports: readonly number[]): Match[] {
  const carriers = writer.valueSet("dns-protocols", "l4proto", [PROTOCOL.tcp, PROTOCOL.udp]);
  const carried = match.inSet("l4proto", carriers);
  const [only] = ports;
  if (only === undefined) return [carried];
  if (ports.length === 1) return [carried, match.ports("th", sides.port, only)];
  const set = writer.portSet(
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
