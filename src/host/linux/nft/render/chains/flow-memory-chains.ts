import {
  classesIn,
  type FlowMemory,
  KERNEL_MARK,
  LISTENER_MARK,
  REFUSED_PROTOCOLS,
  type UserClass,
} from "../../../../../model/firewall/flow-memory.ts";
import { PROTOCOL } from "../../../../../model/firewall/packet.ts";
import type { PortRange } from "../../../../../model/firewall/policy.ts";
import { MARK_MASK } from "../../../../../model/ownership.ts";
import { verdict } from "../../../../../native/linux/nftables/expression.ts";
import type { FieldName } from "../../../../../native/linux/nftables/field.ts";
import {
  type Match,
  removeFromSet,
  setCtMark,
  tcpOption,
  updateSet,
} from "../../../../../native/linux/nftables/match.ts";
import { type Chain, type Rule, type RulesWithChains, rule } from "../rendered-table.ts";
import { type RenderPlace, usersOf } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { hasSocket } from "./link-rules.ts";
import { refuse } from "./refused-chain.ts";

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

const WHOSE_FLOW = "whose-flow";
const FORGET = "forget-flow";
const ANSWERING = "answering";
const PENDING = "not-taken-up";
const JOINS = "S4.10 a subflow without a user";

/** Of what the kernel itself opens. */
const KERNELS: UserClass = { name: "kernels", uids: [] };

const NOTHING: RulesWithChains = { rules: [], chains: [] };

/**
 * The rules by which steering knows whose a flow is (S4.10): a set for each kind of users remembers flows, and what goes on with a
 * flow of which the user is not known is refused. A load of the table empties the sets.
 */
export function flowMemory(place: RenderPlace, memory: FlowMemory): RulesWithChains {
  if (memory.kind === "needless") return NOTHING;
  const chains = memory.kind === "kept" ? keptChains(place, memory.classes) : [forgetfulChain(place)];
  return { rules: [rule(isWhole(place), verdict("jump", WHOSE_FLOW), "S4.10 the flow's user")], chains };
}

/** The rule that refuses protocols whose flows outlive their program and are not remembered. */
export function refusedProtocols({ sets, match }: RenderPlace): Rule {
  const refused = match.inSet("l4proto", sets.values("refused-protocols", "l4proto", REFUSED_PROTOCOLS));
  return rule([refused], refuse(), "S4.10 no memory of its flows");
}

/** The conditions under which a flow is remembered for one of these users. */
export function isFlowOf(place: RenderPlace, classes: readonly UserClass[]): (uids: readonly PortRange[]) => Match[][] {
  return (uids) => classesIn(classes, uids).flatMap((one) => isSeen(place, one));
}

/** Where no flow is remembered: what the kernel sends without a user passes only if it opens a flow. */
function forgetfulChain(place: RenderPlace): Chain {
  return {
    name: WHOSE_FLOW,
    rules: [
      rule([hasSocket(place)], verdict("return"), "S4.10 its user is known"),
      rule([joins(place)], refuse(), JOINS),
      rule([opening(place, "asks")], verdict("return"), "S4.10 the kernel opens a flow"),
      rule([opening(place, "answers")], verdict("return"), "S4.10 the kernel opens a flow"),
      rule([], refuse(), "S4.10 its user is not known"),
    ],
  };
}

function keptChains(place: RenderPlace, classes: readonly UserClass[]): Chain[] {
  const remembered = [...classes, KERNELS];
  makeSets(place, remembered);
  return [
    whoseFlowChain(place, classes, remembered),
    forgetChain(place, remembered),
    ...remembered.flatMap((one) => [againChain(place, one), classChain(place, one)]),
    answeringChain(place),
    pendingChain(place),
  ];
}

function makeSets({ sets }: RenderPlace, remembered: readonly UserClass[]): void {
  const room = Math.min(MOST_FLOWS, 2 ** Math.floor(Math.log2(ROOM / remembered.length)));
  for (const one of remembered)
    for (const family of FAMILIES) sets.expiring(flowSet(one, family), KEYS[family], LIFETIME_MS, room);
}

/** Sends a packet to the chain of its user; one that is not known by its socket is asked whose flow it was. */
function whoseFlowChain(place: RenderPlace, classes: readonly UserClass[], remembered: readonly UserClass[]): Chain {
  const { match } = place;
  const answeredBy = (mark: number) => match.field("ct.mark", mark, { mask: MARK_MASK });
  const resets = match.field("tcp.flags", TCP_RESET, { mask: TCP_RESET });
  const toKernels = verdict("goto", classChainName(KERNELS));
  return {
    name: WHOSE_FLOW,
    rules: [
      rule([opening(place, "answers")], verdict("goto", ANSWERING), "S4.10 the listener need not accept it"),
      ...knownUsers(place, classes),
      rule([joins(place)], refuse(), JOINS),
      ...remembered.flatMap((one) =>
        isSeen(place, one).map((seen) =>
          rule(seen, verdict("goto", classChainName(one)), "S4.10 the flow's user is remembered"),
        ),
      ),
      rule([opening(place, "asks")], toKernels, "S4.10 the kernel opens a flow"),
      rule([answeredBy(LISTENER_MARK)], verdict("goto", PENDING), "S4.10 not accepted by a program yet"),
      rule([answeredBy(KERNEL_MARK)], verdict("return"), "S4.10 without a user, or not accepted yet"),
      rule([resets, isReply(place)], verdict("return"), "S4.10 ends a flow without a user"),
      rule([], refuse(), "S4.10 its user is not known"),
    ],
  };
}

/** The first class has every user that no other names. */
function knownUsers(place: RenderPlace, [unnamed, ...named]: readonly UserClass[]): Rule[] {
  const known = "S4.10 its user is known";
  const byName = named.flatMap((one) =>
    one.uids.map((range) => rule([usersOf(place, range)], verdict("goto", classChainName(one)), known)),
  );
  if (unnamed === undefined) return byName;
  return [...byName, rule([hasSocket(place)], verdict("goto", classChainName(unnamed)), known)];
}

/** A flow has the last of its users: a process may hand its socket on. */
function forgetChain(place: RenderPlace, remembered: readonly UserClass[]): Chain {
  const rules = remembered.flatMap((one) => setRules(place, one, removeFromSet, "S4.10 of another user"));
  return { name: FORGET, rules };
}

function againChain(place: RenderPlace, one: UserClass): Chain {
  return { name: againChainName(one), rules: setRules(place, one, updateSet, "S4.10 the flow was seen again") };
}

function classChain(place: RenderPlace, one: UserClass): Chain {
  const asked = rule([opening(place, "asks")], verdict("return"), "S4.10 a request alone leaves nothing");
  return {
    name: classChainName(one),
    rules: [
      ...isSeen(place, one).map((seen) => rule(seen, verdict("goto", againChainName(one)), "S4.10 a flow seen before")),
      rule([], verdict("jump", FORGET), "S4.10 of another user"),
      // The kernel's own has no user to know it by later.
      ...(one === KERNELS ? [] : [asked]),
      ...setRules(place, one, updateSet, "S4.10 the flow was seen"),
    ],
  };
}

/** What to do with an answer to who asks for a connection: its socket listens, and another user may take the flow up. */
function answeringChain(place: RenderPlace): Chain {
  return {
    name: ANSWERING,
    rules: [
      rule([], verdict("jump", FORGET), "S4.10 a new flow"),
      rule([], setCtMark(KERNEL_MARK, MARK_MASK), "S4.10 the kernel answers"),
      rule([hasSocket(place)], setCtMark(LISTENER_MARK, MARK_MASK), "S4.10 a listener answers"),
    ],
  };
}

/**
 * Packets of an open flow that no program has accepted yet. Without data they are the kernel's own and have no user. With
 * data they come from a program of which no packet was seen.
 */
function pendingChain(place: RenderPlace): Chain {
  const { match } = place;
  const wordCounts = Array.from({ length: TCP_WORDS.most - TCP_WORDS.least + 1 }, (_, more) => TCP_WORDS.least + more);
  const empty = FAMILIES.flatMap((family) =>
    wordCounts.map((words) => {
      const hasWords = match.field("tcp.offset", words << 4, { mask: TCP_WORDS.bits });
      const upTo = match.range("length", 0, IP_BYTES[family] + 4 * words);
      return rule([networkOf(place, family), hasWords, upTo], verdict("return"), "S4.10 carries nothing");
    }),
  );
  return { name: PENDING, rules: [...empty, rule([], refuse(), "S4.10 its user is not known")] };
}

function setRules(
  place: RenderPlace,
  one: UserClass,
  change: typeof updateSet | typeof removeFromSet,
  comment: string,
): Rule[] {
  return FAMILIES.map((family) =>
    rule([networkOf(place, family), outlives(place)], change(KEYS[family], flowSet(one, family)), comment),
  );
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

const networkOf = ({ match }: RenderPlace, family: 4 | 6): Match => match.network(family === 4 ? "ip" : "ip6");
const flowSet = ({ name }: UserClass, family: 4 | 6): string => `flows-${name}-v${family}`;
const classChainName = ({ name }: UserClass): string => `users-${name}`;
const againChainName = (one: UserClass): string => `${classChainName(one)}-again`;
