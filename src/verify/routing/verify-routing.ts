import { PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, PolicyLayer } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { ENGINE_MARK, MARK_MASK, markOfPath, PATH_NUMBERS, RULE_PREFERENCES } from "../../model/ownership.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../../model/prefix.ts";
import type { LinkSpec } from "../../model/resources/link.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";
import { showPoint, type VerifyFinding } from "../finding.ts";
import { ownOut } from "../policy/path-formula.ts";
import { markedFor } from "../policy/policy-formula.ts";
import { POSSIBLE } from "../policy/possible-packets.ts";
import { type Diagram, NOTHING } from "../space/decision-diagram.ts";
import { all, type Formula, markIs, NEVER, not, numberIs, termsOf } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import { type KnownRoute, type KnownRouting, LOCAL_TABLE, RouteLookUp, routingFormulas } from "./routing.ts";

export interface RoutingQuestion {
  readonly policy: FirewallPolicy;
  readonly routing: KnownRouting;
  /** The declared rules and routes; absent if unknown. */
  readonly declared?: KnownRouting;
  /** Tunnel devices with their declared addresses, each with its prefix length. */
  readonly links: readonly Pick<LinkSpec, "device" | "addresses">[];
  readonly devices: readonly string[];
  readonly sources: readonly string[];
}

/** Of every device with IPv6 (RFC 4291 section 2.5.6); whoever sends there names the device. */
const LINK_LOCAL_NETWORK = "fe80::/64";

/** RTPROT_KERNEL (linux/rtnetlink.h): routes that the kernel adds for an address. */
const KERNEL_PROTOCOL = 2;

/**
 * Checks that policy rules and tables route every packet to its path.
 *
 * A tunnel's flows must go into the tunnel or nowhere, even after its device has vanished. Direct flows and our
 * engines' flows must never enter a tunnel. The exception is the tunnel's own network, because the kernel adds its
 * route.
 *
 * A flow is locked out if a declared route into its tunnel is missing, or if it gets another device's source address.
 * With flat routing only differences from the declared routes are reported. Pure.
 */
export function verifyRouting(question: RoutingQuestion): VerifyFinding[] {
  return ([4, 6] as const).flatMap((family) => [
    ...(question.routing.isFlat === true ? [] : localTooLate(question.routing, family)),
    ...verifyFamily(question, family),
  ]);
}

/** The kernel looks up local addresses first, unless another program moved the rule of the local table. */
function localTooLate({ rules }: KnownRouting, family: Family): VerifyFinding[] {
  const ours = rules.filter(({ rule }) => rule.family === family && isOurs(rule));
  const isFirst = rules.some(
    ({ rule, foreign }) =>
      rule.family === family &&
      rule.table === LOCAL_TABLE &&
      foreign === undefined &&
      Object.keys(rule.match).length === 0 &&
      ours.every(({ rule: { preference } }) => rule.preference < preference),
  );
  if (isFirst || ours.length === 0) return [];
  const message = `no rule "lookup local" precedes awg's policy rules, so packets to this host are routed by them (IPv${family})`;
  return [{ kind: "lock-out", message, rules: [] }];
}

function isOurs({ preference }: PolicyRule): boolean {
  return preference >= RULE_PREFERENCES.first && preference <= RULE_PREFERENCES.last;
}

/** The packets that would leave by a device if no route led into a tunnel. */
function reachableOutside(space: PacketSpace, { layers }: FirewallPolicy, routing: KnownRouting): Diagram {
  const tunnels = new Set(layers.flatMap(({ tunnels: some }) => some.map(({ device }) => device)));
  const routes = routing.routes.filter(({ device }) => device === undefined || !tunnels.has(device));
  return [...new RouteLookUp(space, { ...routing, routes }).exitsOf()]
    .filter(([exit]) => !exit.startsWith("("))
    .reduce<Diagram>((union, [, set]) => space.diagrams.or(union, set), NOTHING);
}

interface PathCheck {
  readonly name: string;
  readonly mark: number;
  readonly packets: Formula;
  readonly isWrong: (exit: string) => boolean;
  /** The check is repeated without the routes of this device. */
  readonly device?: string;
  /** The packet filter handles packets to the tunnel's own network. */
  readonly ignoresOwnNetworks?: true;
}

/** The same routing without the networks of the tunnels' own addresses, and of the link-local one that the kernel adds. */
function withoutNetworks({ routing, links }: RoutingQuestion): KnownRouting {
  const networks = new Set(
    links.flatMap(({ device, addresses }) =>
      [LINK_LOCAL_NETWORK, ...addresses].map((address) => `${device} ${networkOf(address)}`),
    ),
  );
  const routes = routing.routes.map((route): KnownRoute => {
    const isNetwork = route.protocol === KERNEL_PROTOCOL && networks.has(`${route.device} ${route.destination}`);
    return isNetwork ? { ...route, type: "other" } : route;
  });
  return { ...routing, routes };
}

function networkOf(address: string): string {
  const prefix = parsePrefix(address);
  return prefix === undefined ? address : renderPrefix(canonicalPrefix(prefix));
}

function verifyFamily(question: RoutingQuestion, family: Family): VerifyFinding[] {
  const { policy, routing, declared = routing, devices, sources } = question;
  const checks = checksOf(policy, family);
  const formulas = [
    ...routingFormulas(family, routing),
    ...routingFormulas(family, declared),
    ...checks.map(({ packets }) => packets),
    POSSIBLE.output,
    routable,
  ];
  const space = new PacketSpace({
    family,
    terms: [...formulas.flatMap(termsOf)],
    markUses: checks.map(({ mark }) => ({ mask: MARK_MASK, values: [mark] })),
    devices,
    sources,
  });
  const lookUp = new RouteLookUp(space, routing);
  const exits = lookUp.exitsOf();
  const withoutOwnNetworks = new RouteLookUp(space, withoutNetworks(question)).exitsOf();
  const wanted = new RouteLookUp(space, declared).exitsOf();
  // With flat routing the packet filter handles what the declared routes misdirect.
  const excused: ReadonlyMap<string, Diagram> = routing.isFlat === true ? wanted : new Map();
  const elsewhere = reachableOutside(space, policy, routing);
  return checks.flatMap((check) => {
    const marked = withMark(space, check);
    // Packets without a route outside the tunnels go nowhere: the filter drops them in the tunnel.
    const packets = check.device === undefined ? space.diagrams.and(marked, elsewhere) : marked;
    const misdirected = new Map(
      [...(check.ignoresOwnNetworks === true ? withoutOwnNetworks : exits)].map(([exit, set]) => [
        exit,
        space.diagrams.minus(set, excused.get(exit) ?? NOTHING),
      ]),
    );
    const last = [
      ...misrouted(space, check, misdirected, packets, ""),
      ...lockedOut(space, check, { exits, wanted, marked }),
    ];
    const isReported = last.length > 0 || routing.isFlat === true;
    const found = isReported ? last : wrongSource(space, check, { exits, wanted });
    if (check.device === undefined || found.length > 0 || routing.isFlat === true) return found;
    const left = lookUp.exitsOf(packets, check.device);
    return misrouted(space, check, left, packets, ` when ${check.device} has vanished`);
  });
}

function checksOf(policy: FirewallPolicy, family: Family): PathCheck[] {
  const layer = policy.layers.at(-1);
  const tunnels = layer?.tunnels ?? [];
  const isTunnel = (exit: string) => tunnels.some(({ device }) => device === exit);
  const engine = { mark: ENGINE_MARK, isWrong: isTunnel };
  const ownPackets = (less: Partial<PolicyLayer>) =>
    layer === undefined ? NEVER : all(markIs(MARK_MASK, ENGINE_MARK), ownOut({ ...layer, ...less }, family));
  return [
    ...tunnels.map(({ device, number }) => ({
      name: device,
      mark: markOfPath(number),
      packets: markedFor(policy, family, number),
      isWrong: (exit: string) => exit !== device && !exit.startsWith("("),
      device,
    })),
    {
      name: "direct",
      mark: markOfPath(PATH_NUMBERS.direct),
      packets: markedFor(policy, family, PATH_NUMBERS.direct),
      isWrong: isTunnel,
      ignoresOwnNetworks: true,
    },
    { ...engine, name: "our own engine", packets: ownPackets({ listens: [] }) },
    // A dial-in peer may have any address. A named endpoint inside a tunnel's network can never be reached.
    {
      ...engine,
      name: "our own engine's, to who dials in",
      packets: ownPackets({ endpoints: [], bootstrapDns: [] }),
      ignoresOwnNetworks: true,
    },
  ];
}

/** A tunnel's packets that declared routes lead into it and that now go nowhere. */
function lockedOut(
  space: PacketSpace,
  { device = "", name }: PathCheck,
  {
    exits,
    wanted,
    marked,
  }: Readonly<Record<"exits" | "wanted", ReadonlyMap<string, Diagram>>> & { readonly marked: Diagram },
): VerifyFinding[] {
  const into = space.diagrams.and(marked, wanted.get(device) ?? NOTHING);
  return [...exits].flatMap(([exit, set]) => {
    const ended = exit.startsWith("(") ? space.diagrams.and(set, into) : NOTHING;
    if (ended === NOTHING) return [];
    const message = `goes nowhere ${exit}, because a route into its path, ${name}, is gone (IPv${space.family})`;
    return [{ kind: "lock-out", message, packet: showPoint(space.pick(ended), "output"), rules: [] }];
  });
}

/**
 * The packets of a path with a wrong first lookup, before the mark is set.
 *
 * The kernel selects the source address by this lookup, and sending fails if it fails. The declared rules lead these
 * packets into the path; the current rules do not. An engine's socket has its mark from the start.
 */
function wrongSource(
  space: PacketSpace,
  check: PathCheck,
  { exits, wanted }: Readonly<Record<"exits" | "wanted", ReadonlyMap<string, Diagram>>>,
): VerifyFinding[] {
  if (check.mark === ENGINE_MARK) return [];
  const { diagrams } = space;
  const isRight = (exit: string) => !exit.startsWith("(") && !check.isWrong(exit);
  const right = [...wanted].reduce((union, [exit, set]) => (isRight(exit) ? diagrams.or(union, set) : union), NOTHING);
  const asked = diagrams.and(withMark(space, { ...check, mark: 0 }), right);
  return [...exits].flatMap(([exit, set]) => {
    const wrong = isRight(exit) ? NOTHING : diagrams.and(set, asked);
    if (wrong === NOTHING) return [];
    const where = exit.startsWith("(") ? `finds no path ${exit}` : `gets the source address for ${exit}`;
    const message = `${where} before it is marked for its path, ${check.name}: a policy rule of awg's is gone (IPv${space.family})`;
    return [{ kind: "lock-out", message, packet: showPoint(space.pick(wrong), "output"), rules: [] }];
  });
}

/**
 * Policy rules select ports for TCP and UDP only. The filter may drop misrouted packets of other protocols with ports.
 */
const routable = not(
  numberIs("protocol", ...PORTED_PROTOCOLS.filter((one) => one !== PROTOCOL.tcp && one !== PROTOCOL.udp)),
);

/** The packets of a path at lookup: with its mark instead of their own. */
function withMark(space: PacketSpace, { packets, mark }: PathCheck): Diagram {
  const set = space.ofFormula(all(POSSIBLE.output, routable, packets));
  return space.diagrams.and(space.exists(set, "mark"), space.ofFormula(markIs(MARK_MASK, mark)));
}

function misrouted(
  space: PacketSpace,
  { name, isWrong }: PathCheck,
  exits: ReadonlyMap<string, Diagram>,
  packets: Diagram,
  when: string,
): VerifyFinding[] {
  return [...exits].flatMap(([exit, set]) => {
    const wrong = isWrong(exit) ? space.diagrams.and(set, packets) : NOTHING;
    if (wrong === NOTHING) return [];
    const packet = { ...showPoint(space.pick(wrong), "output"), outDevice: exit };
    const message = `is routed by ${exit}${when}, and its path is ${name} (IPv${space.family})`;
    return [{ kind: "misroute", message, packet, rules: [] }];
  });
}
