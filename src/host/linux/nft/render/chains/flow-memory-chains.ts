import {
  classesIn,
  KERNEL_MARK,
  LISTENER_MARK,
  REFUSED_PROTOCOLS,
  type UserClass,
} from "../../../../../model/firewall/flow-memory.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import type { PortRange } from "../../../../../model/firewall/policy.ts";
import { MARK_MASK } from "../../../../../model/ownership.ts";
import { type Expression, verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { FieldName } from "../../../../../native/linux/nftables/field.ts";
import {
  type Match,
  removeFromSet,
  setCtMark,
  tcpOption,
  updateSet,
} from "../../../../../native/linux/nftables/match.ts";
import { type RenderPlace, usersOf } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { hasSocket } from "./link-rules.ts";
import { refuse } from "./path-chains.ts";

/** Whoever has data to send repeats it, or asks whether there is room for it, within 120 s (TCP_RTO_MAX of net/tcp.h). */
const LIFETIME_MS = 180_000;

const FAMILIES = [4, 6] as const;

/** What tells one direction of a flow from all others. */
const KEYS: Readonly<Record<4 | 6, readonly FieldName[]>> = {
  4: ["ip.saddr", "th.sport", "ip.daddr", "th.dport"],
  6: ["ip6.saddr", "th.sport", "ip6.daddr", "th.dport"],
};

/** FIN, SYN, RST and ACK; the others speak of congestion (RFC 9293 section 3.1). */
const TCP_TYPE_BITS = 0x17;
const TCP_RESET = 0x04;
/** SYN and SYN-ACK. */
const OPENING = { asks: 0x02, answers: 0x12 } as const;
/** The kind of MPTCP's options, whose upper four bits of the third byte are the subtype, and MP_JOIN (RFC 8684 section 3). */
const MPTCP = { kind: 30, subtypeAt: 2, subtypeBits: 0xf0, join: 0x10 } as const;
/** Words of four bytes that a TCP header can have (RFC 9293 section 3.1), and the bits that say how many. */
const TCP_WORDS = { least: 5, most: 15, bits: 0xf0 } as const;
const IP_BYTES = { 4: 20, 6: 40 } as const;

/** How many a set holds, of two directions each, where few kinds of users are told apart; the kernel keeps eight bytes for each. */
const MOST_FLOWS = 32_768;
const ROOM = 131_072;

const FORGET = "forget-flow";
const JOINS = "S4.10 a subflow without a user";

/** Of what the kernel itself opens. */
const KERNELS: UserClass = { name: "kernels", uids: [] };

/**
 * Writes the rules that remember whose a flow is, in a set for each kind of users, and refuse what goes on with a flow of which
 * that is not known (rule S4.10). A load of the table empties the sets.
 */
export function writeFlowMemory(place: RenderPlace, from: string, classes: readonly UserClass[]): void {
  const { writer, match } = place;
  const [chain, answering, pending] = ["whose-flow", "answering", "not-taken-up"];
  const answeredBy = (mark: number) => match.field("ct.mark", mark, { mask: MARK_MASK });
  writer.chain(chain);
  const onAnswer = verdict("goto", answering);
  writeMemory(place, chain, { classes, remembered: [...classes, KERNELS], onAnswer });
  writer.chain(answering);
  writer.rule(answering, [], verdict("jump", FORGET), "S4.10 a new flow");
  writer.rule(answering, [], setCtMark(KERNEL_MARK, MARK_MASK), "S4.10 the kernel answers");
  const listens = setCtMark(LISTENER_MARK, MARK_MASK);
  writer.rule(answering, [hasSocket(place)], listens, "S4.10 a listener answers");
  writePending(place, pending);
  writer.rule(chain, [opening(place, "asks")], verdict("goto", classChain(KERNELS)), "S4.10 the kernel opens a flow");
  writer.rule(chain, [answeredBy(LISTENER_MARK)], verdict("goto", pending), "S4.10 not accepted by a program yet");
  writer.rule(chain, [answeredBy(KERNEL_MARK)], verdict("return"), "S4.10 without a user, or not accepted yet");
  const resets = match.field("tcp.flags", TCP_RESET, { mask: TCP_RESET });
  writer.rule(chain, [resets, isReply(place)], verdict("return"), "S4.10 ends a flow without a user");
  writer.rule(chain, [], refuse(), "S4.10 its user is not known");
  writer.rule(from, isWhole(place), verdict("jump", chain), "S4.10 the flow's user");
}

/** Writes the rules that refuse whatever goes on with a flow and has no known user. */
export function writeNoMemory(place: RenderPlace, from: string): void {
  const { writer } = place;
  const chain = "whose-flow";
  writer.chain(chain);
  writer.rule(chain, [hasSocket(place)], verdict("return"), "S4.10 its user is known");
  writer.rule(chain, [joins(place)], refuse(), JOINS);
  for (const how of ["asks", "answers"] as const)
    writer.rule(chain, [opening(place, how)], verdict("return"), "S4.10 the kernel opens a flow");
  writer.rule(chain, [], refuse(), "S4.10 its user is not known");
  writer.rule(from, isWhole(place), verdict("jump", chain), "S4.10 the flow's user");
}

/** The conditions under which a flow is remembered for one of these users. */
export function isFlowOf(place: RenderPlace, classes: readonly UserClass[]): (uids: readonly PortRange[]) => Match[][] {
  return (uids) => classesIn(classes, uids).flatMap((one) => isSeen(place, one));
}

/**
 * Writes the rules for what goes on with a flow that no program has taken up: what carries nothing is the kernel's own, and
 * nobody's. What carries something is of a program of which no packet was seen.
 */
function writePending(place: RenderPlace, chain: string): void {
  const { writer, match } = place;
  writer.chain(chain);
  const empty = (conditions: readonly Match[]) =>
    writer.rule(chain, conditions, verdict("return"), "S4.10 carries nothing");
  for (const family of FAMILIES) {
    const network = match.network(family === 4 ? "ip" : "ip6");
    const upTo = (bytes: number) => match.range("length", 0, IP_BYTES[family] + bytes);
    for (let words: number = TCP_WORDS.least; words <= TCP_WORDS.most; words++)
      empty([network, match.field("tcp.offset", words << 4, { mask: TCP_WORDS.bits }), upTo(4 * words)]);
  }
  writer.rule(chain, [], refuse(), "S4.10 its user is not known");
}

interface Memory {
  /** Known by the packet's user. */
  readonly classes: readonly UserClass[];
  /** Those that have sets. */
  readonly remembered: readonly UserClass[];
  /** What to do with an answer to who asks for a connection: its socket listens, and another user may take the flow up. */
  readonly onAnswer: Expression;
}

/** A flow has the last of its users: a process may hand its socket on. */
function writeMemory(place: RenderPlace, from: string, { classes, remembered, onAnswer }: Memory): void {
  const { writer } = place;
  const room = Math.min(MOST_FLOWS, 2 ** Math.floor(Math.log2(ROOM / remembered.length)));
  for (const one of remembered)
    for (const family of FAMILIES) writer.expiringSet(flowSet(one, family), KEYS[family], LIFETIME_MS, room);
  writer.chain(FORGET);
  for (const one of remembered) writeSets(place, FORGET, one, removeFromSet, "S4.10 of another user");
  for (const one of remembered) {
    const [chain, again] = [classChain(one), `${classChain(one)}-again`];
    writer.chain(again);
    writeSets(place, again, one, updateSet, "S4.10 the flow was seen again");
    writer.chain(chain);
    for (const seen of isSeen(place, one)) writer.rule(chain, seen, verdict("goto", again), "S4.10 a flow seen before");
    writer.rule(chain, [], verdict("jump", FORGET), "S4.10 of another user");
    // The kernel's own has no user to know it by later.
    if (one !== KERNELS)
      writer.rule(chain, [opening(place, "asks")], verdict("return"), "S4.10 a request alone leaves nothing");
    writeSets(place, chain, one, updateSet, "S4.10 the flow was seen");
  }
  writer.rule(from, [opening(place, "answers")], onAnswer, "S4.10 the listener need not accept it");
  writeKnownUsers(place, from, classes);
  writer.rule(from, [joins(place)], refuse(), JOINS);
  for (const one of remembered) {
    for (const seen of isSeen(place, one))
      writer.rule(from, seen, verdict("goto", classChain(one)), "S4.10 the flow's user is remembered");
  }
}

function writeKnownUsers(place: RenderPlace, chain: string, [unnamed, ...named]: readonly UserClass[]): void {
  for (const one of named) {
    for (const range of one.uids) {
      const onward = verdict("goto", classChain(one));
      place.writer.rule(chain, [usersOf(place, range)], onward, "S4.10 its user is known");
    }
  }
  if (unnamed === undefined) return;
  place.writer.rule(chain, [hasSocket(place)], verdict("goto", classChain(unnamed)), "S4.10 its user is known");
}

function writeSets(
  place: RenderPlace,
  chain: string,
  one: UserClass,
  change: typeof updateSet | typeof removeFromSet,
  comment: string,
): void {
  for (const family of FAMILIES) {
    const conditions = [place.match.network(family === 4 ? "ip" : "ip6"), outlives(place)];
    place.writer.rule(chain, conditions, change(KEYS[family], flowSet(one, family)), comment);
  }
}

function isSeen(place: RenderPlace, one: UserClass): Match[][] {
  return FAMILIES.map((family) => [outlives(place), place.match.inSet(KEYS[family], flowSet(one, family))]);
}

function opening({ match }: RenderPlace, how: keyof typeof OPENING): Match {
  return match.field("tcp.flags", OPENING[how], { mask: TCP_TYPE_BITS });
}

/** One more subflow of an MPTCP connection: whose that is only the kernel knows. */
function joins({ match }: RenderPlace): Match {
  const { kind, subtypeAt, subtypeBits, join } = MPTCP;
  return [...match.field("l4proto", PROTOCOL.tcp), ...tcpOption(kind, subtypeAt, { value: join, mask: subtypeBits })];
}

/** A later fragment has no ports, so the load of one breaks the rule off. */
function isWhole(place: RenderPlace): Match[] {
  return [outlives(place), place.match.ports("th", "sport", 0, 0xffff)];
}

function outlives({ match }: RenderPlace): Match {
  return match.field("l4proto", PROTOCOL.tcp);
}

/** Writes the rule that refuses protocols whose flows outlive their program and are not remembered. */
export function writeRefusedProtocols(place: RenderPlace, from: string): void {
  const { writer, match } = place;
  const refused = match.inSet("l4proto", writer.valueSet("refused-protocols", "l4proto", REFUSED_PROTOCOLS));
  writer.rule(from, [refused], refuse(), "S4.10 no memory of its flows");
}

const flowSet = ({ name }: UserClass, family: 4 | 6): string => `flows-${name}-v${family}`;
const classChain = ({ name }: UserClass): string => `users-${name}`;
