import { alternativePaths } from "../../../../../model/firewall/fallback.ts";
import { NDP } from "../../../../../model/firewall/link-traffic.ts";
import { REDIRECT } from "../../../../../model/firewall/packet.ts";
import {
  engineUids,
  type PathRef,
  type PolicyLayer,
  type PolicyTunnel,
  rewritesSources,
} from "../../../../../model/firewall/policy.ts";
import { asksClasses, steeringOfGuests } from "../../../../../model/program/class-rules.ts";
import { type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { GUEST_PATHS, PATHS, REMEMBER } from "../chain-names.ts";
import { whileSwitched } from "../fallback-sets.ts";
import { type Chain, type Rule, type RulesWithChains, rule } from "../rendered-table.ts";
import { INWARD, onTunnel, type RenderPlace } from "./conditions.ts";
import { allowIn, allowInAnswers, isReply, ownIn, ownOut } from "./grant-rules.ts";
import { isTooBig } from "./link-rules.ts";
import { type PathChoice, pathRules } from "./path-chains.ts";
import { block, refuse } from "./refused-chain.ts";
import { answersTo } from "./source-chain.ts";

/** A layer's chain returns if the layer accepts, so that the next layer decides; else it refuses. */
const pass = () => verdict("return");

/** The chains of one layer, with the names of those that the base chains call. */
export interface LayerChains {
  readonly leaving: string;
  /** Absent where everything may enter. */
  readonly entering: string | undefined;
  /** Absent where nothing is refused that leaving would pass. */
  readonly crossing: string | undefined;
  readonly chains: readonly Chain[];
}

/** What the chains of a layer depend on besides the layer. */
export interface LayerOptions {
  /** Keeps the names of several layers apart. */
  readonly suffix: string;
  /** Whether verdicts are remembered (S5.6). */
  readonly remembers: boolean;
}

/** The chains of one layer in the inet table (S3–S8). */
export function layerChains(place: RenderPlace, layer: PolicyLayer, options: LayerOptions): LayerChains {
  const { suffix, remembers } = options;
  const known = pathChains(place, layer, suffix, remembers);
  const senders = asksClasses({ steering: layer.flows, layers: [] }) ? senderChains(place, layer, suffix) : [];
  const paths = senders[0]?.name ?? `${PATHS}${suffix}`;
  const names = { leaving: `out${suffix}`, entering: `in${suffix}`, crossing: `through${suffix}` };
  const physical = physicalRules(place, layer, paths, suffix);
  if (!layer.killSwitch) {
    const onDevice = rule([onTunnel(place, "oifname")], verdict("goto", paths), "S8.1 on a tunnel device");
    const leaving = { name: names.leaving, rules: [onDevice, ...physical.rules] };
    const chains = [...known, ...senders, leaving, ...physical.chains];
    return { leaving: names.leaving, entering: undefined, crossing: undefined, chains };
  }
  const leaving = { name: names.leaving, rules: [...leavingRules(place, layer, paths), ...physical.rules] };
  const chains = [
    ...[...known, ...senders, leaving, ...physical.chains],
    ...enteringChains(place, layer, names.entering, suffix),
    ...crossingChains(place, layer, names.crossing, suffix, senders[1]?.name ?? `${PATHS}${suffix}`),
  ];
  return { ...names, chains };
}

/** S4 and S5.1, S5.3, S5.4: finds the path, then checks whether the packet leaves by its device. */
function pathChains(place: RenderPlace, layer: PolicyLayer, suffix: string, remembers: boolean): Chain[] {
  const onItsDevice = remembers ? verdict("goto", REMEMBER) : pass();
  const choice = { steering: layer.flows, layer, take: takePath(layer, suffix) };
  const toPaths = [
    ...layer.tunnels.map((tunnel) => toTunnelChain(place, tunnel, suffix, onItsDevice)),
    toDirectChain(place, suffix, onItsDevice),
  ];
  return [{ name: `${PATHS}${suffix}`, rules: pathRules(place, choice) }, ...toPaths];
}

/** S4.13: what this host forwards is of no program, whatever its mark says. The first of the chains asks. */
function senderChains(place: RenderPlace, layer: PolicyLayer, suffix: string): Chain[] {
  const choice = { steering: steeringOfGuests(layer.flows), layer, take: takePath(layer, suffix) };
  const guests = `${GUEST_PATHS}${suffix}`;
  const isForwarded = place.match.field("iif", 0, { not: true });
  return [
    {
      name: `sender${suffix}`,
      rules: [
        rule([isForwarded], verdict("goto", guests), "S4.13 forwarded"),
        rule([], verdict("goto", `${PATHS}${suffix}`), "S4.13 sent by this host"),
      ],
    },
    { name: guests, rules: pathRules(place, choice) },
  ];
}

function takePath(layer: PolicyLayer, suffix: string): PathChoice["take"] {
  const toPath = (path: PathRef): Expression | readonly Expression[] => {
    if (path.kind === "block") return block();
    if (path.kind === "direct") return verdict("goto", `to-direct${suffix}`);
    const known = layer.tunnels.some((tunnel) => tunnel.device === path.device);
    return known ? verdict("goto", `to-${path.device}${suffix}`) : refuse();
  };
  const unprotected = (path: PathRef) => (path.kind === "block" ? block() : pass());
  // A verdict about the next hop is not remembered: the route may change while the device stays.
  return (path, { dns, onLink }) => {
    if (onLink === true) return pass();
    return layer.killSwitch || dns ? toPath(path) : unprotected(path);
  };
}

function toTunnelChain(place: RenderPlace, tunnel: PolicyTunnel, suffix: string, then: Expression): Chain {
  const { match } = place;
  const { device, families } = tunnel;
  const onDevice = match.field("oifname", device);
  const ofFamily = families.map((family) =>
    rule([onDevice, match.network(family === 4 ? "ip" : "ip6")], then, "S5.1 by its tunnel, of a family it carries"),
  );
  const hasBoth = families.includes(4) && families.includes(6);
  const taken = hasBoth ? [rule([onDevice], then, "S5.1 by its tunnel")] : ofFamily;
  return { name: `to-${device}${suffix}`, rules: [...taken, rule([], refuse(), "S5.4 its path is another device")] };
}

function toDirectChain(place: RenderPlace, suffix: string, then: Expression): Chain {
  return {
    name: `to-direct${suffix}`,
    rules: [
      rule([onTunnel(place, "oifname")], refuse(), "S5.1 a tunnel is not its path"),
      rule([], then, "S5.3 by a physical device"),
    ],
  };
}

/** Leaving with the kill switch, by a tunnel or as an answer; the rules for physical devices follow. */
function leavingRules(place: RenderPlace, layer: PolicyLayer, paths: string): Rule[] {
  const { match } = place;
  return [
    ...layer.tunnels.flatMap(({ device, addresses }) =>
      addresses.map((address) => {
        const answer = [match.field("oifname", device), isReply(place), match.saddr(address)];
        return rule(answer, pass(), "S5.2 answer to a flow from this tunnel");
      }),
    ),
    rule([onTunnel(place, "oifname")], verdict("goto", paths), "S5.1 on a tunnel device"),
    ...layer.tunnels.map(({ device }) =>
      rule([match.field("iifname", device), isReply(place)], pass(), "S7.2 answer to a guest"),
    ),
    ...allowInAnswers(place, layer, "conntrack"),
  ];
}

/** Leaving by a physical device: our own sockets first (S3.1–S3.3, S8.3), then the path. */
function physicalRules(place: RenderPlace, layer: PolicyLayer, paths: string, suffix: string): RulesWithChains {
  const byPath = rule(
    [],
    verdict("goto", paths),
    layer.killSwitch ? "S5.3 on a physical device" : "S8.1 on a physical device",
  );
  const own: Chain = { name: `own${suffix}`, rules: [...ownOut(place, layer), byPath] };
  const toOwn = engineUids(layer).map((uid) =>
    rule([place.match.skuid(uid)], verdict("goto", own.name), "S3 our own sockets"),
  );
  return { rules: [...toOwn, byPath], chains: [own] };
}

function enteringChains(place: RenderPlace, layer: PolicyLayer, name: string, suffix: string): Chain[] {
  const { match } = place;
  const redirects = [match.icmp("icmp", REDIRECT[4].type), match.icmp("icmpv6", REDIRECT[6].type)];
  const advert = [onTunnel(place, "iifname"), match.icmp("icmpv6", NDP.routerAdvert)];
  const toTunnels = layer.tunnels.flatMap(({ device, addresses }) =>
    addresses.map((address) => {
      const toIt = [match.field("iifname", device), match.daddr(address)];
      return rule(toIt, pass(), "S6.1 to the tunnel's own address");
    }),
  );
  const turned = layer.tunnels.flatMap(({ device, addresses }) =>
    (rewritesSources({ steering: layer.flows, layers: [] }) ? answersTo(place, addresses) : []).map((answer) =>
      rule([match.field("iifname", device), answer], pass(), "S6.1 answer to a rewritten source"),
    ),
  );
  const answers = `answers${suffix}`;
  const rules = [
    ...redirects.map((redirect) => rule([redirect], refuse(), "S6.7 ICMP redirect or router advertisement")),
    rule(advert, refuse(), "S6.7 router advertisement by a tunnel"),
    ...toTunnels,
    ...turned,
    rule([onTunnel(place, "iifname")], refuse(), "S6.1 not to the tunnel's own address"),
    ...ownIn(place, layer),
    ...allowIn(place, layer),
    rule([isReply(place)], pass(), "S6.2 answer"),
    ...isTooBig(place).map((error) => rule(error, pass(), "S6.5 a packet of a known flow did not fit")),
    rule([], verdict("goto", answers), "S6.3 its answer would go directly"),
  ];
  const take = (path: PathRef) => (path.kind === "direct" ? pass() : refuse());
  const asked = pathRules(place, { steering: layer.flows, layer, sides: INWARD, take });
  return [
    { name, rules },
    { name: answers, rules: asked },
  ];
}

/**
 * Refuses what may not cross this host whatever its path is. Its path is judged where it leaves, and here only of what an
 * exception for this host's own programs would let out there.
 */
function crossingChains(place: RenderPlace, layer: PolicyLayer, name: string, suffix: string, paths: string): Chain[] {
  const { match } = place;
  const fromTunnel: Chain = {
    name: `from-tunnel${suffix}`,
    rules: [
      ...layer.tunnels.map(({ device }) => {
        const answer = [match.field("iifname", device), onTunnel(place, "oifname", true), isReply(place)];
        return rule(answer, pass(), "S7.2 answer to a guest");
      }),
      rule([], refuse(), "S7.2 a tunnel opens no flow"),
    ],
  };
  const rules = [
    rule([onTunnel(place, "iifname")], verdict("goto", fromTunnel.name), "S7.2 from a tunnel"),
    ...guestRules(place, layer.flows.default),
    ...allowInAnswers(place, layer, "conntrack", verdict("goto", paths)),
  ];
  return [fromTunnel, { name, rules }];
}

/** S7.3: unless everything else goes directly. */
function guestRules(place: RenderPlace, rest: PathRef): Rule[] {
  if (rest.kind === "direct") return [];
  const comment = "S7.3 guests use tunnels only";
  const elsewhere = onTunnel(place, "oifname", true);
  const direct = alternativePaths(rest).find(({ path }) => path.kind === "direct");
  if (direct === undefined) return [rule([elsewhere], refuse(), comment)];
  const others = alternativePaths(rest).filter(({ path }) => path.kind !== "direct");
  return [
    ...others.map((other) => rule([elsewhere, whileSwitched(place, other.while)], refuse(), comment)),
    rule([elsewhere, whileSwitched(place, direct.while, true)], refuse(), comment),
  ];
}
