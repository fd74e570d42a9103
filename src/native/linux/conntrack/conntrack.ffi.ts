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
  return flowsOf(socket.dump(encodeFlowDump(family), READING));
}

/**
 * The same, beside what this thread does: the kernel looks into each bucket of a table that all namespaces share, which takes
 * it some 15 ms however little it holds.
 */
export async function readFlowsAside(socket: NetlinkSocket): Promise<Flow[]> {
  return flowsOf(await socket.dumpAside(encodeFlowDump("all"), READING));
}

function flowsOf(messages: readonly NetlinkMessage[]): Flow[] {
  return messages.map(decodeFlow).filter((flow) => flow !== undefined);
}

/**
 * Cuts these flows and no others; one that ended by itself meanwhile counts as cut.
 *
 * @throws AwgError("permission" | "host") for the first the kernel refused; the others are cut all the same.
 */
export function cutFlows(socket: NetlinkSocket, flows: readonly Flow[]): void {
  const results = socket.batch(flows.map(encodeFlowDeletion), (index) => describeCut(flows[index]));
  const failed = results.find((result): result is AwgError => result !== undefined && !hasErrno(result, "ENOENT"));
  if (failed !== undefined) throw failed;
}

/**
 * Makes conntrack know TCP connections that stand, by the packet that opened each; what it knows already stays as it is.
 *
 * @throws AwgError("permission" | "host") for the first the kernel refused; the others are made all the same.
 */
export function learnFlows(socket: NetlinkSocket, opened: readonly FlowTuple[]): void {
  const messages = opened.map((original) => encodeEstablishedFlow(original, ESTABLISHED_SECONDS));
  const results = socket.batch(messages, () => "making a standing connection known");
  const failed = results.find((result): result is AwgError => result !== undefined && !hasErrno(result, "EEXIST"));
  if (failed !== undefined) throw failed;
}

function describeCut(flow: Flow | undefined): string {
  if (flow === undefined) return "cutting connections";
  const { source, destination, destinationPort } = flow.original;
  return `cutting the connection from ${source} to ${destination}${destinationPort === undefined ? "" : ` port ${destinationPort}`}`;
}
