import { ENGINE_MARK, markOfPath, PATH_NUMBERS } from "../ownership.ts";
import { sha256Hex } from "../sha256.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import type { FirewallPolicy, PortRange, Steering } from "./policy.ts";

/**
 * Protocols whose sockets go on sending after their program closed them, as TCP's do. Whose their flows are nothing remembers,
 * so a policy that names users refuses them (rule S4.10).
 */
export const REFUSED_PROTOCOLS: readonly number[] = [PROTOCOL.dccp, PROTOCOL.sctp];

const LAST_USER = 0xffff_ffff;

/** Users whom no rule tells apart, by the name under which a flow is known to be one of theirs. */
export interface UserClass {
  /** Says who they are: the same users have the same name under every policy. */
  readonly name: string;
  /** Ascending; both ends included. */
  readonly uids: readonly PortRange[];
}

/**
 * What becomes of packets that go on with a flow and have no known user (rule S4.10). `needless`: no rule asks
 * for a user. `kept`: whose a flow is is remembered while it is known. `refused`: nothing is remembered; the policy tells too
 * many kinds of users apart.
 */
type FlowMemory =
  | { readonly kind: "needless" | "refused" }
  /** The first class is of those whom no rule names. */
  | { readonly kind: "kept"; readonly classes: readonly UserClass[] };

/**
 * Our bits of the connection's mark where somebody asked for a connection and nobody's socket answered: the kernel serves it
 * itself, or a program has not taken it up yet. Not in a set: who sends requests would fill it.
 */
export const KERNEL_MARK = ENGINE_MARK;
/** The same where a user's socket answered: a program takes it up, which may be another user's. */
export const LISTENER_MARK = markOfPath(PATH_NUMBERS.block);

/** More kinds of users than this need more rules for each packet than anybody wants. */
const MOST_KINDS = 256;
/** Names stay readable where the users are few. */
const NAME_LENGTH = 60;

/** How a policy deals with flows that outlive their program. The kinds are those that all its layers together tell apart. Pure. */
export function flowMemoryOf({ steering, layers }: FirewallPolicy): FlowMemory {
  const named = namedUsers([steering, ...layers.map(({ flows }) => flows)]);
  if (named.length === 0) return { kind: "needless" };
  const kinds = kindsOfUsers(named);
  if (kinds.length > MOST_KINDS) return { kind: "refused" };
  return { kind: "kept", classes: kinds.map((uids) => ({ name: nameOf(uids), uids })) };
}

/** The classes whose users these ranges name; a class is named whole or not at all. Pure. */
export function classesIn(classes: readonly UserClass[], ranges: readonly PortRange[]): readonly UserClass[] {
  return classes.filter(({ uids: [first] }) => first !== undefined && isIn(ranges, first.from));
}

/**
 * The packet goes on with a flow of this machine, and who sends it is not known: its program has closed the socket, or the
 * kernel itself opened the flow.
 */
export function isOrphan({ hook, uid, protocol, lastUid }: Packet): boolean {
  return hook === "output" && uid === undefined && lastUid !== undefined && protocol === PROTOCOL.tcp;
}

/** The kernel opens one more subflow of an MPTCP connection; whose that is it does not tell. */
export function isKernelsSubflow({ hook, uid, protocol, opensSubflow }: Packet): boolean {
  return hook === "output" && uid === undefined && protocol === PROTOCOL.tcp && opensSubflow === true;
}

/** The users of each rule that names some. */
function namedUsers(steerings: readonly Steering[]): (readonly PortRange[])[] {
  const named = steerings.flatMap(({ rules }) => rules.flatMap(({ match }) => (match.uids ? [match.uids] : [])));
  return [...new Map(named.map((ranges) => [textOf(ranges), ranges])).values()];
}

function kindsOfUsers(named: readonly (readonly PortRange[])[]): PortRange[][] {
  const edges = named.flat().flatMap(({ from, to }) => [from, to + 1]);
  const starts = [...new Set([0, ...edges])].filter((uid) => uid <= LAST_USER).toSorted((a, b) => a - b);
  const byNames = Map.groupBy(starts, (start) => named.map((ranges) => (isIn(ranges, start) ? "1" : "0")).join(""));
  const unnamed = "0".repeat(named.length);
  const keys = [unnamed, ...[...byNames.keys()].filter((key) => key !== unnamed)];
  const last = (start: number) => (starts.find((next) => next > start) ?? LAST_USER + 1) - 1;
  return keys.map((key) => joinRanges((byNames.get(key) ?? []).map((from) => ({ from, to: last(from) }))));
}

/** The same users in as few ranges as can be, so that they have one name. */
function joinRanges(ascending: readonly PortRange[]): PortRange[] {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of ascending) {
    const before = joined.at(-1);
    if (before?.to === from - 1) before.to = to;
    else joined.push({ from, to });
  }
  return joined;
}

function isIn(ranges: readonly PortRange[], uid: number): boolean {
  return ranges.some(({ from, to }) => uid >= from && uid <= to);
}

function nameOf(uids: readonly PortRange[]): string {
  const text = textOf(uids);
  if (text.length > NAME_LENGTH) return sha256Hex(text);
  return text === "" ? "nobody" : text;
}

function textOf(uids: readonly PortRange[]): string {
  return uids.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(".");
}
