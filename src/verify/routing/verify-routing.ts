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
  /** Rules and routes as they should be; absent where nothing says so. */
  readonly declared?: KnownRouting;
  /** The tunnels' devices with the addresses they are to have, each with the length of its network. */
  readonly links: readonly Pick<LinkSpec, "device" | "addresses">[];
  readonly devices: readonly string[];
  readonly sources: readonly string[];
}

/** RTPROT_KERNEL (linux/rtnetlink.h): who makes the route that an address brings along. */
const KERNEL_PROTOCOL = 2;

/**
 * Whether policy rules and tables lead each path where it belongs, for every packet: a tunnel's flows into the tunnel or
 * nowhere, also when its device has vanished; direct ones and our own engines' never into a tunnel, but for its own network,
 * whose route the kernel makes of the tunnel's address. What ends nowhere though a declared route leads it into its tunnel
 * is a lock-out, and so is what gets another device's source address. With flat routing only what goes another way than by the declared routes is told. Pure.
 */
export function verifyRouting(question: RoutingQuestion): VerifyFinding[] {
  return ([4, 6] as const).flatMap((family) => [
    ...(question.routing.isFlat === true ? [] : localTooLate(question.routing, family)),
    ...verifyFamily(question, family),
  ]);
}

/** What is for the machine itself is looked up in the local table, which the kernel asks first unless somebody moved its rule. */
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
  const message = `what is sent to this machine is routed by awg's policy rules, for no rule "lookup local" stands before them (IPv${family})`;
  return [{ kind: "lock-out", message, rules: [] }];
}

function isOurs({ preference }: PolicyRule): boolean {
  return preference >= RULE_PREFERENCES.first && preference <= RULE_PREFERENCES.last;
}

/** The packets that would leave by some device if no route led into a tunnel. */
function reachableOutside(space: PacketSpace, { layers }: FirewallPolicy, routing: KnownRouting): Diagram {
  const tunnels = new Set(layers.flatMap(({ tunnels: some }) => some.map(({ device }) => device)));
  const routes = routing.routes.filter(({ device }) => device === undefined || !tunnels.has(device));
  return [...new RouteLookUp(space, { ...routing, routes }).waysOf()]
    .filter(([way]) => !way.startsWith("("))
    .reduce<Diagram>((union, [, set]) => space.diagrams.or(union, set), NOTHING);
}

interface PathCheck {
  readonly name: string;
  readonly mark: number;
  readonly packets: Formula;
  readonly isWrong: (way: string) => boolean;
  /** The device that is to be imagined away as well. */
  readonly device?: string;
  /** What a tunnel's address leads into that tunnel is left to the packet filter. */
  readonly sparesNetworks?: true;
}

/** The same with the networks of the tunnels' own addresses nobody's. */
function withoutNetworks({ routing, links }: RoutingQuestion): KnownRouting {
  const networks = new Set(
    links.flatMap(({ device, addresses }) => addresses.map((address) => `${device} ${networkOf(address)}`)),
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
  const ways = lookUp.waysOf();
  const beside = new RouteLookUp(space, withoutNetworks(question)).waysOf();
  const wanted = new RouteLookUp(space, declared).waysOf();
  // Where the destination alone chooses the way, what the declared routes lead astray is left to the packet filter.
  const excused: ReadonlyMap<string, Diagram> = routing.isFlat === true ? wanted : new Map();
  const elsewhere = reachableOutside(space, policy, routing);
  return checks.flatMap((check) => {
    const marked = withMark(space, check);
    // What has no way but the tunnel ends there and is dropped by the filter: it goes nowhere, as without tunnels.
    const packets = check.device === undefined ? space.diagrams.and(marked, elsewhere) : marked;
    const astray = new Map(
      [...(check.sparesNetworks === true ? beside : ways)].map(([way, set]) => [
        way,
        space.diagrams.minus(set, excused.get(way) ?? NOTHING),
      ]),
    );
    const last = [...misrouted(space, check, astray, packets, ""), ...lost(space, check, { ways, wanted, marked })];
    const isTold = last.length > 0 || routing.isFlat === true;
    const found = isTold ? last : missourced(space, check, { ways, wanted });
    if (check.device === undefined || found.length > 0 || routing.isFlat === true) return found;
    const left = lookUp.waysOf(packets, check.device);
    return misrouted(space, check, left, packets, ` when ${check.device} has vanished`);
  });
}

function checksOf(policy: FirewallPolicy, family: Family): PathCheck[] {
  const layer = policy.layers.at(-1);
  const tunnels = layer?.tunnels ?? [];
  const isTunnel = (way: string) => tunnels.some(({ device }) => device === way);
  const engine = { mark: ENGINE_MARK, isWrong: isTunnel };
  const ownPackets = (less: Partial<PolicyLayer>) =>
    layer === undefined ? NEVER : all(markIs(MARK_MASK, ENGINE_MARK), ownOut({ ...layer, ...less }, family));
  return [
    ...tunnels.map(({ device, number }) => ({
      name: device,
      mark: markOfPath(number),
      packets: markedFor(policy, family, number),
      isWrong: (way: string) => way !== device && !way.startsWith("("),
      device,
    })),
    {
      name: "direct",
      mark: markOfPath(PATH_NUMBERS.direct),
      packets: markedFor(policy, family, PATH_NUMBERS.direct),
      isWrong: isTunnel,
      sparesNetworks: true,
    },
    { ...engine, name: "our own engine", packets: ownPackets({ listens: [] }) },
    // Who dials in may have any address; a named endpoint that the network of a tunnel claims can never be reached.
    {
      ...engine,
      name: "our own engine's, to who dials in",
      packets: ownPackets({ endpoints: [], bootstrapDns: [] }),
      sparesNetworks: true,
    },
  ];
}

/** The packets of a tunnel that would go into it by the routes declared, and now go nowhere. */
function lost(
  space: PacketSpace,
  { device = "", name }: PathCheck,
  {
    ways,
    wanted,
    marked,
  }: Readonly<Record<"ways" | "wanted", ReadonlyMap<string, Diagram>>> & { readonly marked: Diagram },
): VerifyFinding[] {
  const into = space.diagrams.and(marked, wanted.get(device) ?? NOTHING);
  return [...ways].flatMap(([way, set]) => {
    const ended = way.startsWith("(") ? space.diagrams.and(set, into) : NOTHING;
    if (ended === NOTHING) return [];
    const message = `goes nowhere ${way}, because a route into its path, ${name}, is gone (IPv${space.family})`;
    return [{ kind: "lock-out", message, packet: showPoint(space.pick(ended), "output"), rules: [] }];
  });
}

/**
 * The packets of a path whose first look-up, before a mark is set, declared rules lead into the path, and those that stand
 * lead elsewhere: the kernel chooses the source address by it, and who sends asks no more where it fails. An engine's socket
 * bears its mark from the start.
 */
function missourced(
  space: PacketSpace,
  check: PathCheck,
  { ways, wanted }: Readonly<Record<"ways" | "wanted", ReadonlyMap<string, Diagram>>>,
): VerifyFinding[] {
  if (check.mark === ENGINE_MARK) return [];
  const { diagrams } = space;
  const isRight = (way: string) => !way.startsWith("(") && !check.isWrong(way);
  const right = [...wanted].reduce((union, [way, set]) => (isRight(way) ? diagrams.or(union, set) : union), NOTHING);
  const asked = diagrams.and(withMark(space, { ...check, mark: 0 }), right);
  return [...ways].flatMap(([way, set]) => {
    const wrong = isRight(way) ? NOTHING : diagrams.and(set, asked);
    if (wrong === NOTHING) return [];
    const where = way.startsWith("(") ? `finds no way ${way}` : `gets the source address for ${way}`;
    const message = `${where} before it is marked for its path, ${check.name}: a policy rule of awg's is gone (IPv${space.family})`;
    return [{ kind: "lock-out", message, packet: showPoint(space.pick(wrong), "output"), rules: [] }];
  });
}

/** Policy rules are made for TCP and UDP; where ports decide for others the filter may drop what routes lead astray. */
const routable = not(
  numberIs("protocol", ...PORTED_PROTOCOLS.filter((one) => one !== PROTOCOL.tcp && one !== PROTOCOL.udp)),
);

/** The packets of a path as they are looked up: with its mark, whatever they had before. */
function withMark(space: PacketSpace, { packets, mark }: PathCheck): Diagram {
  const set = space.ofFormula(all(POSSIBLE.output, routable, packets));
  return space.diagrams.and(space.exists(set, "mark"), space.ofFormula(markIs(MARK_MASK, mark)));
}

function misrouted(
  space: PacketSpace,
  { name, isWrong }: PathCheck,
  ways: ReadonlyMap<string, Diagram>,
  packets: Diagram,
  when: string,
): VerifyFinding[] {
  return [...ways].flatMap(([way, set]) => {
    const wrong = isWrong(way) ? space.diagrams.and(set, packets) : NOTHING;
    if (wrong === NOTHING) return [];
    const packet = { ...showPoint(space.pick(wrong), "output"), outDevice: way };
    const message = `is routed by ${way}${when}, and its path is ${name} (IPv${space.family})`;
    return [{ kind: "misroute", message, packet, rules: [] }];
  });
}
