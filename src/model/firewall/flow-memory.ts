import { sameData } from "../canonical.ts";
import { ENGINE_MARK } from "../ownership.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import type { FirewallPolicy, PortRange, Steering } from "./policy.ts";

/** Protocols whose sockets go on sending after their program closed them; then nothing tells whose they were. */
export const OUTLIVING_PROTOCOLS: readonly number[] = [PROTOCOL.tcp, PROTOCOL.dccp, PROTOCOL.sctp];

const LAST_USER = 0xffff_ffff;

/** Users whom no rule tells apart, by the number under which a flow is known to be one of theirs. */
export interface UserClass {
  readonly number: number;
  /** Ascending; both ends included. */
  readonly uids: readonly PortRange[];
}

/**
 * What becomes of packets that go on with a flow and have no known user (docs/security.md S4.10). `needless`: no rule asks
 * for a user. `kept`: whose a flow is is remembered while it is known. `refused`: nothing is remembered; the policy is one of
 * those between two states, or tells more kinds of users apart than there are numbers.
 */
type FlowMemory =
  | { readonly kind: "needless" | "refused" }
  /** The first class is of those whom no rule names. */
  | { readonly kind: "kept"; readonly classes: readonly UserClass[] };

/**
 * Our bits of the connection's mark where the kernel answered for a program that has not taken the flow up yet; our engines'
 * mark, whose own flows are not asked for it. Not in a set: who sends requests would fill it.
 */
export const KERNEL_MARK = ENGINE_MARK;

/** More kinds of users than this need more rules for each packet than anybody wants. */
const MOST_KINDS = 256;

/** How a policy deals with flows that outlive their program. Pure. */
export function flowMemoryOf({ steering, layers }: FirewallPolicy): FlowMemory {
  if (![steering, ...layers.map(({ flows }) => flows)].some(asksForUsers)) return { kind: "needless" };
  const [only] = layers;
  const kinds = kindsOfUsers(steering);
  const isSteady = layers.length === 1 && sameData(only?.flows, steering);
  if (!isSteady || kinds.length > MOST_KINDS) return { kind: "refused" };
  return { kind: "kept", classes: kinds.map((uids, index) => ({ number: index + 1, uids })) };
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
  return hook === "output" && uid === undefined && lastUid !== undefined && OUTLIVING_PROTOCOLS.includes(protocol);
}

function kindsOfUsers({ rules }: Steering): PortRange[][] {
  const named = rules.flatMap(({ match }) => (match.uids === undefined ? [] : [match.uids]));
  const edges = named.flat().flatMap(({ from, to }) => [from, to + 1]);
  const starts = [...new Set([0, ...edges])].filter((uid) => uid <= LAST_USER).toSorted((a, b) => a - b);
  const byNames = Map.groupBy(starts, (start) => named.map((ranges) => (isIn(ranges, start) ? "1" : "0")).join(""));
  const unnamed = "0".repeat(named.length);
  const keys = [unnamed, ...[...byNames.keys()].filter((key) => key !== unnamed)];
  return keys.map((key) =>
    (byNames.get(key) ?? []).map((from) => ({
      from,
      to: (starts.find((next) => next > from) ?? LAST_USER + 1) - 1,
    })),
  );
}

function isIn(ranges: readonly PortRange[], uid: number): boolean {
  return ranges.some(({ from, to }) => uid >= from && uid <= to);
}

function asksForUsers({ rules }: Steering): boolean {
  return rules.some(({ match }) => match.uids !== undefined);
}
