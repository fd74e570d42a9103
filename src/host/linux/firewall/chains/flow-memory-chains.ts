import {
  classesIn,
  KERNEL_CLASS,
  OUTLIVING_PROTOCOLS,
  type UserClass,
} from "../../../../model/firewall/flow-memory.ts";
import type { PortRange } from "../../../../model/firewall/policy.ts";
import { MARK_MASK, markOfPath } from "../../../../model/ownership.ts";
import { verdict } from "../../../../native/linux/nftables/expression.ts";
import type { FieldName } from "../../../../native/linux/nftables/field.ts";
import { type Match, setCtMark, updateSet } from "../../../../native/linux/nftables/match.ts";
import { type RenderPlace, usersOf } from "./conditions.ts";
import { hasSocket } from "./link-rules.ts";
import { refuse } from "./path-chains.ts";

/** Whoever has data to send repeats it, or asks whether there is room for it, within 120 s (TCP_RTO_MAX of net/tcp.h). */
const LIFETIME_MS = 180_000;
const MOST_FLOWS = 65_536;

/** What tells one direction of a flow from all others. */
const KEYS: Readonly<Record<4 | 6, readonly FieldName[]>> = {
  4: ["l4proto", "ip.saddr", "th.sport", "ip.daddr", "th.dport"],
  6: ["l4proto", "ip6.saddr", "th.sport", "ip6.daddr", "th.dport"],
};

/** SYN, also as an answer, also with the question for congestion notification (RFC 3168 section 6.1.1). */
const OPENING_FLAGS = [0x02, 0xc2, 0x12, 0x52];
/** RST, alone or as an answer. */
const RESET_FLAGS = [0x04, 0x14];
/** INIT and INIT ACK (RFC 9260 section 3.2); DCCP-Request and DCCP-Response in the bits of the type (RFC 4340 section 5.1). */
const SCTP_OPENING = [1, 2];
const DCCP_OPENING = { values: [0, 2], mask: 0x1e };

/** The sets of the flows that were seen since the table was loaded. */
const FLOWS = "flows";

/**
 * Writes the rules that remember, in our bits of the connection's mark, whose a flow is, and refuse what goes on with a flow of
 * which that is not known (docs/security.md S4.10). The mark counts only for flows seen since the table was loaded: a class may
 * mean other users in the next policy, and conntrack outlives it.
 */
export function writeFlowMemory(place: RenderPlace, from: string, classes: readonly UserClass[]): void {
  const { writer, match } = place;
  const [chain, known] = ["whose-flow", "known-flow"];
  const isOfClass = (number: number) => match.field("ct.mark", markOfPath(number), { mask: MARK_MASK });
  const setClass = (number: number) => setCtMark(markOfPath(number), MARK_MASK);
  for (const { number } of classes) {
    writer.chain(classChain(number));
    writeSeen(place, classChain(number), FLOWS);
    writer.rule(classChain(number), [], setClass(number), "S4.10 whose flow it is");
  }
  writer.chain(known);
  for (const { number } of classes) {
    const onward = verdict("goto", classChain(number));
    writer.rule(known, [isOfClass(number)], onward, "S4.10 whose flow it was is remembered");
  }
  writer.rule(known, [], refuse(), "S4.10 nobody knows whose it was");
  writer.chain(chain);
  writeClasses(place, chain, classes, classChain);
  const kernels = classChain(KERNEL_CLASS);
  writer.chain(kernels);
  writer.rule(kernels, [], setClass(KERNEL_CLASS), "S4.10 the kernel opens a flow");
  for (const opens of opening(place))
    writer.rule(chain, [opens], verdict("goto", kernels), "S4.10 the kernel opens a flow");
  writer.rule(chain, [isOfClass(KERNEL_CLASS)], verdict("return"), "S4.10 a flow that the kernel opened");
  for (const seen of isSeen(place, FLOWS)) writer.rule(chain, seen, verdict("goto", known), "S4.10 a flow seen before");
  for (const flags of RESET_FLAGS) {
    writer.rule(chain, [match.field("tcp.flags", flags), isOfClass(0)], verdict("return"), "S4.10 ends nobody's flow");
  }
  writer.rule(chain, [], refuse(), "S4.10 nobody knows whose it was");
  writer.rule(from, isWhole(place), verdict("jump", chain), "S4.10 whose flow it is");
}

/** Writes the rules that refuse whatever goes on with a flow and has no known user. */
export function writeNoMemory(place: RenderPlace, from: string): void {
  const { writer } = place;
  const chain = "whose-flow";
  writer.chain(chain);
  writer.rule(chain, [hasSocket(place)], verdict("return"), "S4.10 its user is known");
  for (const opens of opening(place)) writer.rule(chain, [opens], verdict("return"), "S4.10 the kernel opens a flow");
  writer.rule(chain, [], refuse(), "S4.10 nobody knows whose it was");
  writer.rule(from, isWhole(place), verdict("jump", chain), "S4.10 whose flow it is");
}

/** The conditions under which a flow is remembered for one of these users, where conntrack can be asked. */
export function isFlowOf(place: RenderPlace, classes: readonly UserClass[]): (uids: readonly PortRange[]) => Match[][] {
  const { match } = place;
  return (uids) =>
    classesIn(classes, uids).map(({ number }) => [
      ...isWhole(place),
      match.field("ct.mark", markOfPath(number), { mask: MARK_MASK }),
    ]);
}

/** Writes the rules that remember whose flow leaves here, in a set for each class of users: no mark of a frame tells it. */
export function writeFrameMemory(place: RenderPlace, from: string, classes: readonly UserClass[]): void {
  for (const { number } of classes) {
    place.writer.chain(classChain(number));
    writeSeen(place, classChain(number), frameSet(number));
  }
  writeClasses(place, from, classes, classChain);
  for (const { number } of classes) {
    for (const seen of isSeen(place, frameSet(number)))
      place.writer.rule(from, seen, verdict("goto", classChain(number)), "S4.10 whose flow it was is remembered");
  }
}

/** The conditions under which frames of a flow of one of these users were seen. */
export function isFrameOf(
  place: RenderPlace,
  classes: readonly UserClass[],
): (uids: readonly PortRange[]) => Match[][] {
  return (uids) => classesIn(classes, uids).flatMap(({ number }) => isSeen(place, frameSet(number)));
}

function writeClasses(
  place: RenderPlace,
  chain: string,
  classes: readonly UserClass[],
  chainOf: (number: number) => string,
): void {
  for (const { number, uids } of classes.slice(1)) {
    for (const range of uids) {
      place.writer.rule(chain, [usersOf(place, range)], verdict("goto", chainOf(number)), "S4.10 its user is known");
    }
  }
  const [unnamed] = classes;
  if (unnamed === undefined) return;
  place.writer.rule(chain, [hasSocket(place)], verdict("goto", chainOf(unnamed.number)), "S4.10 its user is known");
}

function writeSeen(place: RenderPlace, chain: string, name: string): void {
  for (const family of [4, 6] as const) {
    const conditions = [place.match.network(family === 4 ? "ip" : "ip6"), outlives(place)];
    const update = updateSet(KEYS[family], flowSet(place, name, family));
    place.writer.rule(chain, conditions, update, "S4.10 the flow was seen");
  }
}

function isSeen(place: RenderPlace, name: string): Match[][] {
  return ([4, 6] as const).map((family) => [
    outlives(place),
    place.match.inSet(KEYS[family], flowSet(place, name, family)),
  ]);
}

function opening({ match }: RenderPlace): Match[] {
  return [
    ...OPENING_FLAGS.map((flags) => match.field("tcp.flags", flags)),
    ...SCTP_OPENING.map((chunk) => match.field("sctp.chunk", chunk)),
    ...DCCP_OPENING.values.map((type) => match.field("dccp.type", type, { mask: DCCP_OPENING.mask })),
  ];
}

/** A later fragment has no ports, so the load of one breaks the rule off. */
function isWhole(place: RenderPlace): Match[] {
  return [outlives(place), place.match.ports("th", "sport", 0, 0xffff)];
}

function outlives({ writer, match }: RenderPlace): Match {
  return match.inSet("l4proto", writer.valueSet("outliving-protocols", "l4proto", OUTLIVING_PROTOCOLS));
}

function flowSet({ writer }: RenderPlace, name: string, family: 4 | 6): string {
  const full = `${name}-v${family}`;
  writer.expiringSet(full, KEYS[family], LIFETIME_MS, MOST_FLOWS);
  return full;
}

const classChain = (number: number): string => `users-${number}`;
const frameSet = (number: number): string => `flows-${number}`;
