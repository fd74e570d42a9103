import { ENGINE_MARK, markOfPath, PATH_NUMBERS } from "../ownership.ts";
import { sha256Hex } from "../sha256.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import type { FirewallPolicy, PortRange, Steering } from "./policy.ts";

/**
 * Protocols that send after their program closed the socket, as TCP does. The user of such a flow is not remembered, so a
 * policy with rules by user refuses them (rule S4.10).
 */
export const REFUSED_PROTOCOLS: readonly number[] = [PROTOCOL.dccp, PROTOCOL.sctp];

const LAST_USER = 0xffff_ffff;

/** Users that the rules treat alike, with the name of the set that remembers their flows. */
export interface UserClass {
  /** The same users have the same name under every policy. */
  readonly name: string;
  /** Ascending; both ends included. */
  readonly uids: readonly PortRange[];
}

/**
 * How packets of an open flow without a known user are judged (rule S4.10). `needless`: no rule matches users. `kept`:
 * the user of a flow is remembered while it is known. `refused`: nothing is remembered, since the rules distinguish too
 * many kinds of users.
 */
export type FlowMemory =
  | { readonly kind: "needless" | "refused" }
  /** The first class holds the users that no rule names. */
  | { readonly kind: "kept"; readonly classes: readonly UserClass[] };

/**
 * Our bits of the connection's mark for an incoming connection without a user's socket: the kernel serves it itself, or no
 * program has accepted it yet. A set would be filled by anyone who sends requests.
 */
export const KERNEL_MARK = ENGINE_MARK;
/** The same after a user's socket answered: a program accepts it, possibly another user's. */
export const LISTENER_MARK = markOfPath(PATH_NUMBERS.block);

/** Each kind of users costs rules for each packet. */
const MOST_KINDS = 256;
/** Longer names are hashed. */
const NAME_LENGTH = 60;

/** How a policy judges flows that outlive their program. All its layers together define the kinds of users. Pure. */
export function flowMemoryOf({ steering, layers }: FirewallPolicy): FlowMemory {
  const named = namedUsers([steering, ...layers.map(({ flows }) => flows)]);
  if (named.length === 0) return { kind: "needless" };
  const kinds = kindsOfUsers(named);
  if (kinds.length > MOST_KINDS) return { kind: "refused" };
  return { kind: "kept", classes: kinds.map((uids) => ({ name: nameOf(uids), uids })) };
}

/** The classes within these ranges; a class is inside as a whole or not at all. Pure. */
export function classesIn(classes: readonly UserClass[], ranges: readonly PortRange[]): readonly UserClass[] {
  return classes.filter(({ uids: [first] }) => first !== undefined && isIn(ranges, first.from));
}

/** A packet of an open local flow without a user: its program has closed the socket, or the kernel opened the flow. */
export function isOrphan({ hook, uid, protocol, lastUid }: Packet): boolean {
  return hook === "output" && uid === undefined && lastUid !== undefined && protocol === PROTOCOL.tcp;
}

/** The kernel opens one more subflow of an MPTCP connection; the packet carries no user. */
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

/** The same users in the fewest ranges, so that they have one name. */
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
