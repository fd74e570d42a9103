import type { UserClass } from "../../../../../model/firewall/flow-memory.ts";
import { NDP } from "../../../../../model/firewall/link-traffic.ts";
import { REDIRECT } from "../../../../../model/firewall/packet.ts";
import { engineUids, type PathRef, type PolicyLayer, type PolicyTunnel } from "../../../../../model/firewall/policy.ts";
import { type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { REMEMBER } from "../chain-names.ts";
import { whileFallenBack } from "../fallback-sets.ts";
import { INWARD, onTunnel, type RenderPlace } from "./conditions.ts";
import { isFlowOf } from "./flow-memory-chains.ts";
import { isReply, writeAllowIn, writeAllowInAnswers, writeOwnIn, writeOwnOut } from "./grant-rules.ts";
import { hasSocket, isTooBig } from "./link-rules.ts";
import { type PathChain, refuse, writePathRules } from "./path-chains.ts";

/** A layer's chain returns where the layer accepts and refuses otherwise, so that the next layer is asked. */
const pass = () => verdict("return");

/** The chains of one layer, by the base chain that asks them. */
export interface LayerChains {
  readonly leaving: string;
  readonly entering: string | undefined;
  /** Absent where nothing is refused that leaving would pass. */
  readonly crossing: string | undefined;
}

/**
 * Writes the chains of one layer into the inet table (S3–S8).
 *
 * @param suffix keeps the names of several layers apart
 * @param classes the users whose flows are remembered (S4.10)
 * @param remembers whether verdicts are remembered (S5.6)
 */
export function writeLayer(
  place: RenderPlace,
  layer: PolicyLayer,
  suffix: string,
  { classes, remembers }: { readonly classes: readonly UserClass[] | undefined; readonly remembers: boolean },
): LayerChains {
  const known = writePaths(place, layer, suffix, remembers);
  const paths = classes === undefined ? known : writeWhose(place, layer, suffix, known, classes);
  const leaving = `out${suffix}`;
  if (!layer.killSwitch) {
    place.writer.chain(leaving);
    place.writer.rule(leaving, [onTunnel(place, "oifname")], verdict("goto", paths), "S8.1 on a tunnel device");
    writePhysical(place, layer, leaving, paths, suffix);
    return { leaving, entering: undefined, crossing: undefined };
  }
  const chains = { leaving, entering: `in${suffix}`, crossing: `through${suffix}` };
  writeLeaving(place, layer, leaving, paths, suffix);
  writeEntering(place, layer, chains.entering, suffix);
  writeCrossing(place, layer, chains.crossing, known, suffix);
  return chains;
}

/** S4 and S5.1, S5.3, S5.4: finds the path, then asks whether the packet stands on its device. */
function writePaths(place: RenderPlace, layer: PolicyLayer, suffix: string, remembers: boolean): string {
  const chain = `paths${suffix}`;
  const onItsDevice = remembers ? verdict("goto", REMEMBER) : pass();
  place.writer.chain(chain);
  for (const tunnel of layer.tunnels) writeToTunnel(place, tunnel, suffix, onItsDevice);
  writeToDirect(place, suffix, onItsDevice);
  writePathRules(place, { chain, steering: layer.flows, layer, take: takePath(layer, suffix) });
  return chain;
}

/** S4.10: what leaves without a known user is asked whose flow it was. */
function writeWhose(
  place: RenderPlace,
  layer: PolicyLayer,
  suffix: string,
  known: string,
  classes: readonly UserClass[],
): string {
  const { writer } = place;
  const [chain, lasting] = [`whose${suffix}`, `paths-lasting${suffix}`];
  const take = takePath(layer, suffix);
  writer.chain(lasting);
  writePathRules(place, { chain: lasting, steering: layer.flows, layer, take, ofUsers: isFlowOf(place, classes) });
  writer.chain(chain);
  writer.rule(chain, [hasSocket(place)], verdict("goto", known), "S4.4 its user is known");
  writer.rule(chain, [], verdict("goto", lasting), "S4.10 by the flow's last user");
  return chain;
}

function takePath(layer: PolicyLayer, suffix: string): PathChain["take"] {
  const toPath = (path: PathRef): Expression => {
    if (path.kind === "block") return refuse();
    if (path.kind === "direct") return verdict("goto", `to-direct${suffix}`);
    const known = layer.tunnels.some((tunnel) => tunnel.device === path.device);
    return known ? verdict("goto", `to-${path.device}${suffix}`) : refuse();
  };
  const unprotected = (path: PathRef): Expression => (path.kind === "block" ? refuse() : pass());
  // A verdict about the next hop is not remembered: the route may change while the device stays.
  return (path, { dns, onLink }) => {
    if (onLink === true) return pass();
    return layer.killSwitch || dns ? toPath(path) : unprotected(path);
  };
}

function writeToTunnel(
  { writer, match }: RenderPlace,
  { device, families }: PolicyTunnel,
  suffix: string,
  then: Expression,
): void {
  const chain = `to-${device}${suffix}`;
  writer.chain(chain);
  const onDevice = match.field("oifname", device);
  if (families.includes(4) && families.includes(6)) writer.rule(chain, [onDevice], then, "S5.1 by its tunnel");
  else {
    for (const family of families) {
      const carried = match.network(family === 4 ? "ip" : "ip6");
      writer.rule(chain, [onDevice, carried], then, "S5.1 by its tunnel, of a family it carries");
    }
  }
  writer.rule(chain, [], refuse(), "S5.4 its path is another device");
}

function writeToDirect(place: RenderPlace, suffix: string, then: Expression): void {
  const chain = `to-direct${suffix}`;
  place.writer.chain(chain);
  place.writer.rule(chain, [onTunnel(place, "oifname")], refuse(), "S5.1 a tunnel is not its path");
  place.writer.rule(chain, [], then, "S5.3 by a physical device");
}

function writeLeaving(place: RenderPlace, layer: PolicyLayer, chain: string, paths: string, suffix: string): void {
  const { writer, match } = place;
  writer.chain(chain);
  for (const { device, addresses } of layer.tunnels) {
    for (const address of addresses) {
      const answer = [match.field("oifname", device), isReply(place), match.saddr(address)];
      writer.rule(chain, answer, pass(), "S5.2 answer to a flow from this tunnel");
    }
  }
  writer.rule(chain, [onTunnel(place, "oifname")], verdict("goto", paths), "S5.1 on a tunnel device");
  for (const { device } of layer.tunnels) {
    writer.rule(chain, [match.field("iifname", device), isReply(place)], pass(), "S7.2 answer to a guest");
  }
  writeAllowInAnswers(place, chain, layer, "conntrack");
  writePhysical(place, layer, chain, paths, suffix);
}

/** Leaving by a physical device: our own sockets first (S3.1–S3.3, S8.3), then the path. */
function writePhysical(place: RenderPlace, layer: PolicyLayer, chain: string, paths: string, suffix: string): void {
  const { writer, match } = place;
  const own = `own${suffix}`;
  const byPath = layer.killSwitch ? "S5.3 on a physical device" : "S8.1 on a physical device";
  writer.chain(own);
  writeOwnOut(place, own, layer);
  writer.rule(own, [], verdict("goto", paths), byPath);
  for (const uid of engineUids(layer)) {
    writer.rule(chain, [match.skuid(uid)], verdict("goto", own), "S3 our own sockets");
  }
  writer.rule(chain, [], verdict("goto", paths), byPath);
}

function writeEntering(place: RenderPlace, layer: PolicyLayer, chain: string, suffix: string): void {
  const { writer, match } = place;
  writer.chain(chain);
  for (const redirect of [match.icmp("icmp", REDIRECT[4].type), match.icmp("icmpv6", REDIRECT[6].type)]) {
    writer.rule(chain, [redirect], refuse(), "S6.7 ICMP redirect or router advertisement");
  }
  const advert = [onTunnel(place, "iifname"), match.icmp("icmpv6", NDP.routerAdvert)];
  writer.rule(chain, advert, refuse(), "S6.7 router advertisement by a tunnel");
  for (const { device, addresses } of layer.tunnels) {
    for (const address of addresses) {
      const toIt = [match.field("iifname", device), match.daddr(address)];
      writer.rule(chain, toIt, pass(), "S6.1 to the tunnel's own address");
    }
  }
  writer.rule(chain, [onTunnel(place, "iifname")], refuse(), "S6.1 not to the tunnel's own address");
  writeOwnIn(place, chain, layer);
  writeAllowIn(place, chain, layer);
  writer.rule(chain, [isReply(place)], pass(), "S6.2 answer");
  for (const error of isTooBig(place)) writer.rule(chain, error, pass(), "S6.5 a packet of a known flow did not fit");
  const answers = `answers${suffix}`;
  writer.chain(answers);
  const take = (path: PathRef) => (path.kind === "direct" ? pass() : refuse());
  writePathRules(place, { chain: answers, steering: layer.flows, layer, sides: INWARD, take });
  writer.rule(chain, [], verdict("goto", answers), "S6.3 its answer would go directly");
}

/**
 * Refuses what may not cross this host whatever its path is. Its path is judged where it leaves, and here only of what an
 * exception for this host's own programs would let out there.
 */
function writeCrossing(place: RenderPlace, layer: PolicyLayer, chain: string, paths: string, suffix: string): void {
  const { writer, match } = place;
  const fromTunnel = `from-tunnel${suffix}`;
  writer.chain(fromTunnel);
  for (const { device } of layer.tunnels) {
    const answer = [match.field("iifname", device), onTunnel(place, "oifname", true), isReply(place)];
    writer.rule(fromTunnel, answer, pass(), "S7.2 answer to a guest");
  }
  writer.rule(fromTunnel, [], refuse(), "S7.2 a tunnel opens no flow");
  writer.chain(chain);
  writer.rule(chain, [onTunnel(place, "iifname")], verdict("goto", fromTunnel), "S7.2 from a tunnel");
  const rest = layer.flows.default;
  if (rest.kind !== "direct") {
    const fallsBack = rest.kind === "tunnel" && rest.fallback === "direct";
    const unless = fallsBack ? [whileFallenBack(place, rest.number, true)] : [];
    writer.rule(chain, [onTunnel(place, "oifname", true), ...unless], refuse(), "S7.3 guests use tunnels only");
  }
  writeAllowInAnswers(place, chain, layer, "conntrack", verdict("goto", paths));
}
