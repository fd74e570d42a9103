import type { AwgError } from "../../../model/error.ts";
import { hasErrno } from "../errno.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ffi.ts";
import {
  decodeFlow,
  encodeEstablishedFlow,
  encodeFlowDeletion,
  encodeFlowDump,
  type Flow,
  type FlowTuple,
} from "./flow.codec.ts";

const READING = "reading the tracked connections";
/** How long the kernel keeps an established TCP connection without packets (nf_conntrack_tcp_timeout_established). */
const ESTABLISHED_SECONDS = 432_000;

/** All tracked flows of the namespace the socket (see openNetfilterSocket) was opened in. */
export function readFlows(socket: NetlinkSocket, family: 4 | 6 | "all" = "all"): Flow[] {
  return flowsOf(socket.dump(encodeFlowDump(family), READING), () => true);
}

/**
 * The same without blocking this thread: the kernel walks every bucket of a table shared by all namespaces, which takes
 * some 15 ms even when it is empty.
 *
 * @param isWanted which of them are given; a table may hold tens of thousands
 */
export async function readFlowsAsync(socket: NetlinkSocket, isWanted: (flow: Flow) => boolean): Promise<Flow[]> {
  return flowsOf(await socket.dumpAsync(encodeFlowDump("all"), READING), isWanted);
}

function flowsOf(messages: readonly NetlinkMessage[], isWanted: (flow: Flow) => boolean): Flow[] {
  const flows: Flow[] = [];
  for (const message of messages) {
    const flow = decodeFlow(message);
    if (flow !== undefined && isWanted(flow)) flows.push(flow);
  }
  return flows;
}

/**
 * Deletes these flows; one that ended meanwhile counts as deleted.
 *
 * @throws AwgError("permission" | "host") for the first refusal; the others are still deleted.
 */
export function cutFlows(socket: NetlinkSocket, flows: readonly Flow[]): void {
  const results = socket.batch(flows.map(encodeFlowDeletion), (index) => describeCut(flows[index]));
  const failed = results.find((result): result is AwgError => result !== undefined && !hasErrno(result, "ENOENT"));
  if (failed !== undefined) throw failed;
}

/**
 * Adds entries for established TCP connections, each by its first packet; existing entries stay unchanged.
 *
 * @throws AwgError("permission" | "host") for the first refusal; the others are still added.
 */
export function learnFlows(socket: NetlinkSocket, opened: readonly FlowTuple[]): void {
  const messages = opened.map((original) => encodeEstablishedFlow(original, ESTABLISHED_SECONDS));
  const results = socket.batch(messages, () => "adding an established connection");
  const failed = results.find((result): result is AwgError => result !== undefined && !hasErrno(result, "EEXIST"));
  if (failed !== undefined) throw failed;
}

function describeCut(flow: Flow | undefined): string {
  if (flow === undefined) return "cutting connections";
  const { source, destination, destinationPort } = flow.original;
  return `deleting the connection from ${source} to ${destination}${destinationPort === undefined ? "" : ` port ${destinationPort}`}`;
}
