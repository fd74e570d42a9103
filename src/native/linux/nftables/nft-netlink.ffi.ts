import { AwgError } from "../../../model/error.ts";
import { errnoError, hasErrno } from "../errno.ts";
import {
  acknowledgementError,
  decodeAcknowledgement,
  decodeMessages,
  messageFlags,
  type NetlinkMessage,
  NLM,
  NLMSG,
  stampMessage,
} from "../netlink/message.codec.ts";
import { NETLINK_PROTOCOL, type NetlinkSocket, openNetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import type { SentRequests } from "../netlink/own-writes.ts";
import { decodeChain, encodeChainDump, type NftChain } from "./chain.codec.ts";
import type { TableFamily } from "./field.ts";
import { decodeGeneration, encodeGenerationRequest, type NftGeneration } from "./generation.codec.ts";
import { encodeBatchBegin, encodeBatchEnd } from "./nft-message.codec.ts";
import { decodeNftRule, encodeRuleListing, type NftRule } from "./rule.codec.ts";
import { decodeSet, encodeSetDump, type ObservedSet } from "./set.codec.ts";
import { decodeElements, encodeElementDump, type SetElement } from "./set-element.codec.ts";
import { decodeTable, encodeTableDump, type NftTable } from "./table.codec.ts";

const SNAPSHOT_ATTEMPTS = 20;

/** One message of a transaction and its action, beginning with a verb: "adding rule 3 to chain killswitch". */
export interface NftChange {
  readonly message: Uint8Array;
  readonly action: string;
}

/** The contents of one table, from one generation. */
export interface NftTableContents {
  readonly table: NftTable;
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
  readonly sets: readonly (ObservedSet & { readonly elements: readonly SetElement[] })[];
  readonly generation: NftGeneration;
}

/** Opens a socket to netfilter (nf_tables, conntrack) in the current network namespace. */
export function openNetfilterSocket(): NetlinkSocket {
  return openNetlinkSocket(NETLINK_PROTOCOL.netfilter);
}

/**
 * Commits the changes as one transaction: all of them, or none with an error that names the refused change
 * (`facts.index`). With `generation` it is refused if the ruleset changed since (ERESTART).
 *
 * @returns the requests, as the event of the new generation identifies them; undefined without changes
 * @throws AwgError of the kind that fits the errno.
 */
export function commitNftChanges(
  socket: NetlinkSocket,
  changes: readonly NftChange[],
  { generation }: { generation?: number } = {},
): SentRequests | undefined {
  if (changes.length === 0) return undefined;
  const messages = [encodeBatchBegin(generation), ...changes.map(({ message }) => message), encodeBatchEnd()];
  const first = socket.nextSequence(messages.length);
  const last = messages.length - 2;
  for (const [index, message] of messages.entries()) {
    const flags = messageFlags(message) | NLM.request | (index === last ? NLM.ack : 0);
    stampMessage(message, 0, flags, (first + index) >>> 0);
  }
  socket.send(concatenate(messages), "changing the nf_tables ruleset");
  readVerdicts(socket, changes, first);
  return { port: socket.port, first, count: messages.length };
}

/**
 * The kernel replies to each refused message and to the last one, which requested it. A refusal of the whole (no
 * permission, another generation, a failed commit) has the sequence of the first.
 */
function readVerdicts(socket: NetlinkSocket, changes: readonly NftChange[], first: number): void {
  let refusal: AwgError | undefined;
  while (true) {
    for (const answer of socket.receive("changing the nf_tables ruleset")) {
      const index = (answer.sequence - first) >>> 0;
      if (answer.type !== NLMSG.error || index > changes.length) continue;
      const said = decodeAcknowledgement(answer);
      if (said.errno !== 0) refusal ??= refusalOf(changes[index - 1], index, said.errno, answer);
      if (index !== changes.length && !(index === 0 && said.errno !== 0)) continue;
      if (refusal !== undefined) throw refusal;
      return;
    }
  }
}

function refusalOf(change: NftChange | undefined, index: number, errno: number, answer: NetlinkMessage): AwgError {
  if (change === undefined) return errnoError("changing the nf_tables ruleset", errno);
  const error = acknowledgementError(change.action, decodeAcknowledgement(answer));
  return new AwgError(error.kind, error.message, {
    facts: { ...error.facts, index: index - 1 },
    // The kernel checks permissions first, for the whole batch: here another socket owns the table.
    ...(error.kind === "permission"
      ? { remedy: "another process owns that table; make the change through that process" }
      : {}),
  });
}

/** The set that a message makes; undefined for every other message. */
export function newSetIn(message: Uint8Array): ObservedSet | undefined {
  const [read] = decodeMessages(message);
  return read === undefined ? undefined : decodeSet(read);
}

/** The generation of the ruleset. */
export function readNftGeneration(socket: NetlinkSocket): NftGeneration {
  const answer = socket.request(encodeGenerationRequest(), "reading the generation of the nf_tables ruleset")[0];
  const generation = answer === undefined ? undefined : decodeGeneration(answer);
  if (generation === undefined) throw new AwgError("host", "the kernel did not report the generation of the ruleset");
  return generation;
}

/** All tables of the namespace, whoever made them. */
export function readNftTables(socket: NetlinkSocket): NftTable[] {
  return collect(socket.dump(encodeTableDump(), "reading the nf_tables tables"), decodeTable);
}

/** All chains of the namespace, whoever made them. */
export function readNftChains(socket: NetlinkSocket): NftChain[] {
  return collect(socket.dump(encodeChainDump(), "reading the nf_tables chains"), decodeChain);
}

/** The sets of one table, without their elements. */
export function readNftSets(socket: NetlinkSocket, family: TableFamily, table: string): ObservedSet[] {
  const action = `reading the sets of the nf_tables table ${family} ${table}`;
  return collect(socket.dump(encodeSetDump(family, table), action), decodeSet).filter(
    (set) => set.family === family && set.table === table,
  );
}

/**
 * One table with its contents, from one generation; undefined when there is no such table.
 *
 * @param isRead whether to read a set's elements; otherwise it has none
 */
export function readNftTable(
  socket: NetlinkSocket,
  family: TableFamily,
  name: string,
  isRead: (set: ObservedSet, table: NftTable) => boolean = () => true,
): NftTableContents | undefined {
  for (let attempt = 0; attempt < SNAPSHOT_ATTEMPTS; attempt++) {
    awaitCommit(socket);
    const generation = readNftGeneration(socket);
    try {
      const contents = readContents(socket, family, name, isRead);
      if (readNftGeneration(socket).id !== generation.id) continue;
      return contents === undefined ? undefined : { ...contents, generation };
    } catch (error) {
      // A set or the table was removed between two requests: the generation has changed.
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
  throw new AwgError(
    "host",
    `reading the nf_tables table ${name} failed: it changed during each of ${SNAPSHOT_ATTEMPTS} attempts`,
    {
      remedy: "find out which program keeps changing the ruleset",
    },
  );
}

/**
 * Waits until no transaction is being committed, by an empty one that changes nothing. The kernel (6.18 and before)
 * increments the generation before it unlinks the old rules, so a dump in between can silently miss new rules between
 * two datagrams; observed with 300 rules swapped in a loop.
 */
export function awaitCommit(socket: NetlinkSocket): void {
  const messages = [encodeBatchBegin(), encodeBatchEnd()];
  const first = socket.nextSequence(messages.length);
  for (const [index, message] of messages.entries()) stampMessage(message, 0, NLM.request, (first + index) >>> 0);
  socket.send(concatenate(messages), "waiting for a change of the nf_tables ruleset to end");
}

function readContents(
  socket: NetlinkSocket,
  family: TableFamily,
  name: string,
  isRead: (set: ObservedSet, table: NftTable) => boolean,
): Omit<NftTableContents, "generation"> | undefined {
  const table = readNftTables(socket).find((one) => one.family === family && one.name === name);
  if (table === undefined) return undefined;
  const action = `reading the nf_tables table ${family} ${name}`;
  const mine = (one: { family: TableFamily; table: string }) => one.family === family && one.table === name;
  const chains = collect(socket.dump(encodeChainDump(family), action), decodeChain).filter(mine);
  const rules = collect(socket.dump(encodeRuleListing(family, name), action), decodeNftRule).filter(mine);
  const sets = readNftSets(socket, family, name);
  const elementsOf = (set: ObservedSet) =>
    decodeElements(set, socket.dump(encodeElementDump(set), `${action}, set ${set.name}`));
  return {
    table,
    chains,
    rules,
    sets: sets.map((set) => ({ ...set, elements: isRead(set, table) ? elementsOf(set) : [] })),
  };
}

function concatenate(messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}

function collect<T>(messages: readonly NetlinkMessage[], decode: (message: NetlinkMessage) => T | undefined): T[] {
  return messages.map((message) => decode(message)).filter((item) => item !== undefined);
}
