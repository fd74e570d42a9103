import type { Destination, Match } from "../../../config/section/match.ts";
import { canonicalJson } from "../../../model/canonical.ts";
import type { PortRange } from "../../../model/firewall/policy.ts";
import { type Prefix, parsePrefix, renderPrefix, subtractPrefixes } from "../../../model/prefix.ts";
import { allOf, anyOf, notOf, type ProgramCondition, programCondition, type UsersOf } from "./program-condition.ts";

/** One form in which a match can hold: all fields that are present do. */
export interface MatchAlternative {
  readonly program?: ProgramCondition;
  /** Canonical prefixes. */
  readonly destinations?: readonly string[];
  /** Dynamic sets of names, instead of prefixes. */
  readonly sets?: readonly string[];
  readonly ports?: readonly PortRange[];
  /** IANA numbers. */
  readonly protocols?: readonly number[];
}

/** IANA protocol numbers of the names in a config. */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  icmpv6: 58,
  sctp: 132,
};

/** What the names in a match stand for on this host. */
export interface MatchNames {
  /** @param isNegated whether the users are in a `not` */
  readonly usersOf: (isNegated: boolean) => UsersOf;
  /** Canonical prefixes. */
  readonly prefixesOf: (destinations: readonly Destination[]) => readonly string[];
  /** The dynamic set of the names among them; undefined without any. */
  readonly nameSetOf?: (destinations: readonly Destination[]) => string | undefined;
}

/** How many alternatives one rule may have. */
const MOST_ALTERNATIVES = 64;

/** A match that cannot be written as alternatives; the message is one clause with its remedy. */
export class UnwritableMatch extends Error {}

const EVERYWHERE = ["0.0.0.0/0", "::/0"];

/**
 * The alternatives that together are a match, with all `all`, `any` and `not` resolved. None if nothing can match.
 *
 * @throws UnwritableMatch
 */
export function matchAlternatives(match: Match, names: MatchNames): MatchAlternative[] {
  return expandMatch(match, false, names);
}

type Part = (isNegated: boolean) => readonly MatchAlternative[];

function expandMatch(match: Match, isNegated: boolean, names: MatchNames): MatchAlternative[] {
  const inner = (one: Match, isOpposite: boolean) => expandMatch(one, isOpposite, names);
  const program = programCondition(match, names.usersOf(isNegated));
  const parts: Part[] = [
    ...(program === undefined ? [] : [(not: boolean) => [{ program: not ? notOf(program) : program }]]),
    ...flowParts(match, names),
    ...(match.all ?? []).map((one) => (not: boolean) => inner(one, not)),
    ...(match.any === undefined ? [] : [anyPart(match.any, inner)]),
    ...(match.not === undefined ? [] : [notPart(match.not, inner)]),
  ];
  const alternatives = parts.map((part) => part(isNegated));
  return isNegated ? union(alternatives) : product(alternatives);
}

function anyPart(any: readonly Match[], inner: (one: Match, isNegated: boolean) => MatchAlternative[]): Part {
  return (not) => (not ? product : union)(any.map((one) => inner(one, not)));
}

function notPart(match: Match, inner: (one: Match, isNegated: boolean) => MatchAlternative[]): Part {
  return (not) => inner(match, !not);
}

function flowParts({ destinations, ports, protocol }: Match, { prefixesOf, nameSetOf }: MatchNames): Part[] {
  const prefixes = destinations === undefined ? undefined : prefixesOf(destinations);
  const set = nameSetOf?.(destinations ?? []);
  const named: MatchAlternative[] = set === undefined ? [] : [{ sets: [set] }];
  return [
    ...(prefixes === undefined
      ? []
      : [
          (not: boolean) => {
            if (!not) return [...withDestinations(prefixes), ...named];
            return set === undefined ? withDestinations(complement(prefixes)) : refuseNot("domains");
          },
        ]),
    ...(ports === undefined ? [] : [(not: boolean) => [{ ports: not ? refuseNot("ports") : ports }]]),
    ...(protocol === undefined
      ? []
      : [
          (not: boolean) => [
            { protocols: not ? refuseNot("protocol") : protocol.flatMap((name) => PROTOCOL_NUMBERS[name] ?? []) },
          ],
        ]),
  ];
}

function refuseNot(key: string): never {
  throw new UnwritableMatch(`not cannot hold ${key}; name the ${key} that the rule is for`);
}

function withDestinations(destinations: readonly string[]): MatchAlternative[] {
  return destinations.length === 0 ? [] : [{ destinations }];
}

function complement(prefixes: readonly string[]): string[] {
  return subtractPrefixes(read(EVERYWHERE), read(prefixes)).map(renderPrefix);
}

/** One of these lists holds. Alternatives with the same traffic become one. */
function union(lists: readonly (readonly MatchAlternative[])[]): MatchAlternative[] {
  const all = lists.flat();
  if (all.length === 1) return all;
  const byTraffic = new Map<string, MatchAlternative>();
  for (const { program, ...traffic } of all) {
    const key = canonicalJson(traffic);
    const before = byTraffic.get(key);
    const programs = before === undefined ? [program] : [before.program, program];
    const known = programs.filter((one) => one !== undefined);
    byTraffic.set(key, known.length < programs.length ? traffic : { ...traffic, program: anyOf(known) });
  }
  return bounded([...byTraffic.values()]);
}

/** Every one of these lists holds. */
function product(lists: readonly (readonly MatchAlternative[])[]): MatchAlternative[] {
  return lists.reduce<MatchAlternative[]>(
    (before, list) => union([before.flatMap((left) => list.flatMap((right) => both(left, right)))]),
    [{}],
  );
}

function bounded(alternatives: MatchAlternative[]): MatchAlternative[] {
  if (alternatives.length <= MOST_ALTERNATIVES) return alternatives;
  throw new UnwritableMatch(`its all, any and not make more than ${MOST_ALTERNATIVES} combinations; split the rule`);
}

/** Both alternatives hold; nothing where they exclude each other. */
function both(left: MatchAlternative, right: MatchAlternative): MatchAlternative[] {
  const places = [left.destinations, left.sets, right.destinations, right.sets].filter((one) => one !== undefined);
  const sets = left.sets ?? right.sets;
  if (sets !== undefined && places.length > 1)
    throw new UnwritableMatch("all cannot combine domains with other destinations; write two rules");
  const programs = [left.program, right.program].filter((one) => one !== undefined);
  const destinations = combine(left.destinations, right.destinations, commonPrefixes);
  const ports = combine(left.ports, right.ports, commonPorts);
  const protocols = combine(left.protocols, right.protocols, (a, b) => a.filter((one) => b.includes(one)));
  if ([destinations, ports, protocols].some((list) => list?.length === 0)) return [];
  return [
    {
      ...(programs.length === 0 ? {} : { program: allOf(programs) }),
      ...(destinations === undefined ? {} : { destinations }),
      ...(sets === undefined ? {} : { sets }),
      ...(ports === undefined ? {} : { ports }),
      ...(protocols === undefined ? {} : { protocols }),
    },
  ];
}

function combine<T>(
  left: readonly T[] | undefined,
  right: readonly T[] | undefined,
  common: (left: readonly T[], right: readonly T[]) => readonly T[],
): readonly T[] | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return common(left, right);
}

function commonPrefixes(left: readonly string[], right: readonly string[]): string[] {
  return subtractPrefixes(read(left), subtractPrefixes(read(EVERYWHERE), read(right))).map(renderPrefix);
}

function commonPorts(left: readonly PortRange[], right: readonly PortRange[]): PortRange[] {
  return left.flatMap((one) =>
    right.flatMap((other) => {
      const range = { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) };
      return range.from <= range.to ? [range] : [];
    }),
  );
}

function read(prefixes: readonly string[]): Prefix[] {
  return prefixes.flatMap((text) => parsePrefix(text) ?? []);
}
