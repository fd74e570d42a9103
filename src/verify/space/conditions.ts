import { LASTING_PROTOCOLS, PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { ClassSet, FlowMatch, PortRange } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { CLASS_MARK, markOfClass, ORPHANED, UNCLASSIFIED } from "../../model/ownership.ts";
import { parsePrefix, prefixRange } from "../../model/prefix.ts";
import { isInClasses } from "../../model/program/class-rules.ts";
import {
  all,
  any,
  deviceIn,
  type Formula,
  fragmentIs,
  inSets,
  markIs,
  NEVER,
  NO_USER,
  type NumberRange,
  not,
  numberIn,
  numberIs,
} from "./packet-fields.ts";

/** Header fields of the remote side: the destination of outgoing packets, the source of incoming ones. */
export interface Sides {
  readonly address: "destination" | "source";
  readonly port: "word0" | "word2";
}

export const TO: Sides = { address: "destination", port: "word2" };
export const FROM: Sides = { address: "source", port: "word0" };

/** The address lies in one of these prefixes. Prefixes of the other family are ignored. */
export function addressIn(side: Sides["address"], family: Family, prefixes: readonly string[]): Formula {
  return numberIn(side, rangesOf(family, prefixes));
}

/** The prefixes of one family as number ranges. */
export function rangesOf(family: Family, prefixes: readonly string[]): NumberRange[] {
  return prefixes.flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix?.family === family ? [prefixRange(prefix)] : [];
  });
}

/** The packet has ports: a protocol with ports, and not a later fragment. */
const hasPorts: Formula = all(numberIs("protocol", ...PORTED_PROTOCOLS), fragmentIs("whole", "first"));

/** The port lies in one of the ranges. */
export function portIn(port: Sides["port"], ranges: readonly PortRange[]): Formula {
  return all(hasPorts, numberIn(port, ranges.map(toRange)));
}

/** The sender is a known user in one of the ranges. */
export function userIn(ranges: readonly PortRange[]): Formula {
  return numberIn("user", ranges.map(toRange));
}

/** The packet has a known user. */
export const hasUser: Formula = numberIn("user", [{ first: 0n, last: NO_USER - 1n }]);

/** How a packet without a class counts (S4.13). */
const BARE: readonly (readonly [number, Formula])[] = [
  [UNCLASSIFIED, hasUser],
  [ORPHANED, all(not(hasUser), numberIs("protocol", ...LASTING_PROTOCOLS))],
];

/** DNS packets: TCP and UDP with one of these ports, without later fragments. */
export function dnsPort(port: Sides["port"], ports: readonly number[]): Formula {
  return all(numberIs("protocol", PROTOCOL.udp, PROTOCOL.tcp), fragmentIs("whole", "first"), numberIs(port, ...ports));
}

/** The packet is of a program with one of the classes (S4.13). What is forwarded or arrives is of none. */
function programIn(classes: ClassSet): Formula {
  const classIs = (numbers: readonly number[]) => markIs(CLASS_MARK.mask, ...numbers.map(markOfClass));
  const marked = "in" in classes ? classIs(classes.in) : not(classIs([0, ...classes.otherThan]));
  const bare = BARE.filter(([number]) => isInClasses(classes, number)).map(([, some]) => all(classIs([0]), some));
  return all(deviceIn("in", [""]), any(marked, ...bare));
}

/** The condition of a flow match. With `FROM` the user is on the remote side and unknown. */
export function matchFormula(family: Family, match: FlowMatch, sides: Sides): Formula {
  const parts: Formula[] = [];
  if (match.protocol !== undefined) parts.push(numberIs("protocol", match.protocol));
  if (match.ports !== undefined) parts.push(portIn(sides.port, match.ports));
  if (match.uids !== undefined) parts.push(sides === FROM ? NEVER : userIn(match.uids));
  if (match.classes !== undefined) parts.push(sides === FROM ? NEVER : programIn(match.classes));
  const { destinations, sets } = match;
  if (destinations !== undefined || sets !== undefined) {
    const listed = destinations === undefined ? [] : [addressIn(sides.address, family, destinations)];
    parts.push(any(...listed, ...(sets === undefined ? [] : [inSets(sets)])));
  }
  return all(...parts);
}

function toRange({ from, to }: PortRange): NumberRange {
  return { first: BigInt(from), last: BigInt(to) };
}
