import type { Family } from "../../model/ip.ts";
import { parsePrefix, prefixRange } from "../../model/prefix.ts";
import type { PolicyRule, PolicyRuleMatch } from "../../model/resources/routes.ts";
import { portIn } from "../space/conditions.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import { all, type Formula, markIs, type NumberRange, numberIn, numberIs } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";

/** The fields of a route that a lookup uses. */
export interface KnownRoute {
  readonly family: Family;
  readonly table: number;
  readonly destination: string;
  readonly type: "unicast" | "unreachable" | "blackhole" | "throw" | "local" | "multicast" | "other";
  readonly device?: string;
  /** Absent if destinations are on the device's link. */
  readonly gateway?: string;
  /** Devices of further next hops. Each carries some of the flows. */
  readonly otherDevices?: readonly string[];
  readonly metric: number;
  /** The routing protocol, which identifies the owner; absent if unknown. */
  readonly protocol?: number;
}

/** Policy rules and routes of a host. A rule with `foreign` has selectors that awg does not model. */
export interface KnownRouting {
  readonly rules: readonly { readonly rule: PolicyRule; readonly foreign?: string }[];
  readonly routes: readonly KnownRoute[];
  /**
   * One table and no policy rules (macOS). If the destination alone does not select the path, the packet filter drops
   * the flow.
   */
  readonly isFlat?: true;
}

/** RT_TABLE_LOCAL (linux/rtnetlink.h): addresses of the host. */
export const LOCAL_TABLE = 255;

const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** The packets that a policy rule selects. */
export function ruleFormula(family: Family, match: PolicyRuleMatch): Formula {
  const range = ({ from, to }: { readonly from: number; readonly to: number }): NumberRange[] => [
    { first: BigInt(from), last: BigInt(to) },
  ];
  const prefix = (text: string): NumberRange[] => {
    const parsed = parsePrefix(text);
    return parsed?.family === family ? [prefixRange(parsed)] : [];
  };
  return all(
    ...(match.mark === undefined ? [] : [markIs(match.mark.mask >>> 0, match.mark.value)]),
    ...(match.source === undefined ? [] : [numberIn("source", prefix(match.source))]),
    ...(match.destination === undefined ? [] : [numberIn("destination", prefix(match.destination))]),
    ...(match.uids === undefined ? [] : [numberIn("user", range(match.uids))]),
    ...(match.protocol === undefined ? [] : [numberIs("protocol", PROTOCOLS[match.protocol])]),
    ...(match.ports === undefined ? [] : [portIn("word2", [match.ports])]),
    ...(match.sourcePorts === undefined ? [] : [portIn("word0", [match.sourcePorts])]),
  );
}

/** Every test by the rules and routes of one IP version. */
export function routingFormulas(family: Family, { rules, routes }: KnownRouting): Formula[] {
  const destinations = routes.flatMap((route) => (route.family === family ? [rangeOf(route)] : []));
  const asked = rules.flatMap(({ rule }) => (rule.family === family ? [ruleFormula(family, rule.match)] : []));
  return [...asked, numberIn("destination", destinations)];
}

/** A policy rule, prepared for lookups. */
interface ReadyRule {
  readonly matching: Diagram;
  readonly table: number;
  readonly suppressed: number | undefined;
}

type Exits = readonly (readonly [exit: string, destinations: Diagram])[];

/**
 * The kernel's route lookup for sets of packets.
 *
 * Rules apply by preference. In each table the longest prefix wins, then the smallest metric. The lookup continues with
 * the next rule after "throw" or without a matching route.
 *
 * The result is a packet set for each exit: a device, "(local)", "(unreachable)", "(blackhole)", "(multicast)",
 * "(other)" or "(no route)". Rules that awg does not model are left out. Each table is read once for all lookups.
 */
export class RouteLookUp {
  readonly #space: PacketSpace;
  readonly #rules: readonly ReadyRule[];
  readonly #tables: ReadonlyMap<number, readonly KnownRoute[]>;
  readonly #known = new Map<string, Exits>();

  constructor(space: PacketSpace, { rules, routes }: KnownRouting) {
    this.#space = space;
    this.#rules = rules
      .filter(({ rule, foreign }) => rule.family === space.family && foreign === undefined)
      .toSorted((a, b) => a.rule.preference - b.rule.preference)
      .map(({ rule }) => ({
        matching: space.ofFormula(ruleFormula(space.family, rule.match)),
        table: rule.table,
        suppressed: rule.suppressPrefixLength,
      }));
    const ofFamily = routes.filter(({ family }) => family === space.family);
    this.#tables = Map.groupBy(ofFamily, ({ table }) => table);
  }

  /**
   * The exits of these packets, by default of all packets.
   *
   * @param vanished a device without routes in this lookup
   */
  exitsOf(packets: Diagram = EVERYTHING, vanished?: string): Map<string, Diagram> {
    const { diagrams } = this.#space;
    const exits = new Map<string, Diagram>();
    const add = (exit: string, set: Diagram) => exits.set(exit, diagrams.or(exits.get(exit) ?? NOTHING, set));
    let rest = packets;
    for (const rule of this.#rules) {
      if (rest === NOTHING) break;
      const matching = diagrams.and(rest, rule.matching);
      if (matching === NOTHING) continue;
      for (const [exit, destinations] of this.#inTable(rule, vanished)) {
        const taken = diagrams.and(matching, destinations);
        add(exit, taken);
        rest = diagrams.minus(rest, taken);
      }
    }
    add("(no route)", rest);
    return exits;
  }

  #inTable({ table, suppressed }: ReadyRule, vanished: string | undefined): Exits {
    const routes = this.#tables.get(table) ?? [];
    const left = vanished === undefined ? routes : routes.filter(({ device }) => device !== vanished);
    const key = `${table} ${suppressed} ${left.length === routes.length ? "" : vanished}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const exits = [...lookUp(left, suppressed)].map(
      ([exit, ranges]) => [exit, this.#space.ofTerm({ dimension: "destination", ranges })] as const,
    );
    this.#known.set(key, exits);
    return exits;
  }
}

/** The destination ranges of each exit in one table. Routes overwrite each other, the most specific last. */
function lookUp(routes: readonly KnownRoute[], suppressed: number | undefined): Map<string, NumberRange[]> {
  const painted = routes
    .map((route) => ({ route, range: rangeOf(route), length: parsePrefix(route.destination)?.length ?? 0 }))
    .filter(({ length }) => suppressed === undefined || length > suppressed)
    .toSorted((a, b) => a.length - b.length || b.route.metric - a.route.metric);
  const cuts = [...new Set(painted.flatMap(({ range }) => [range.first, range.last + 1n]))];
  cuts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const indexOf = new Map(cuts.map((cut, index) => [cut, index]));
  const exits: (readonly string[])[] = cuts.map(() => []);
  for (const { route, range } of painted) {
    exits.fill(exitsOf(route), indexOf.get(range.first) ?? 0, indexOf.get(range.last + 1n) ?? cuts.length);
  }
  const found = new Map<string, NumberRange[]>();
  for (const [index, some] of exits.entries()) {
    const [first, next] = [cuts[index], cuts[index + 1]];
    if (first === undefined || next === undefined) continue;
    for (const exit of some) {
      const ranges = found.get(exit) ?? [];
      ranges.push({ first, last: next - 1n });
      found.set(exit, ranges);
    }
  }
  return found;
}

/**
 * An empty result continues with the next rule. A multicast route is in the local table, before any rule of awg's, so
 * it says nothing about them; the packet filter judges the device.
 */
function exitsOf({ type, device, otherDevices = [] }: KnownRoute): readonly string[] {
  if (type === "throw") return [];
  return type === "unicast" ? [...new Set([device ?? "(other)", ...otherDevices])] : [`(${type})`];
}

function rangeOf({ destination }: KnownRoute): NumberRange {
  const prefix = parsePrefix(destination);
  return prefix === undefined ? { first: 0n, last: 0n } : prefixRange(prefix);
}
