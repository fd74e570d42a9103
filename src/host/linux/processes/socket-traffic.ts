import { hasErrno } from "../../../native/linux/errno.ts";
import {
  type DiagSocket,
  decodeConnection,
  decodeSocket,
  encodeConnectionDump,
  encodeSocketDump,
} from "../../../native/linux/netlink/inet-diag.codec.ts";
import type { NetlinkMessage } from "../../../native/linux/netlink/message.codec.ts";
import type { NetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { MeasuredConnection, OwnedSocket, TrafficList } from "../../ports/processes.ts";
import type { SocketHolders } from "./socket-holders.ts";

const FAMILIES = [4, 6] as const;

/** TCP connections with their bytes by struct tcp_info (tcp(7)), and the UDP sockets, each with its owner. */
export function readTraffic(diag: NetlinkSocket, holders: SocketHolders): TrafficList {
  const found = FAMILIES.flatMap((family) => read(diag, encodeConnectionDump(family), decodeConnection));
  const datagrams = FAMILIES.flatMap((family) => read(diag, encodeSocketDump("udp", family), decodeSocket));
  const held = holders.all();
  const ownerOf = ({ uid, inode }: DiagSocket) => ({ uid, holders: held.holders.get(inode) ?? [] });
  const connections = found.map(
    (one): MeasuredConnection => ({
      protocol: "tcp",
      local: one.local,
      remote: one.remote,
      ...ownerOf(one),
      id: one.id,
      sentBytes: one.ackedBytes,
      receivedBytes: one.receivedBytes,
    }),
  );
  const udp = datagrams.map((one): OwnedSocket => ({ protocol: "udp", local: one.local, ...ownerOf(one) }));
  const hidden = connections.filter(({ holders: some }) => some.length === 0).length;
  return {
    connections,
    udp,
    unseen: hidden === 0 ? [] : ["the programs of some connections: they ended, or belong to other users"],
  };
}

/** Nothing where the kernel has no module that lists these sockets. */
function read<T>(diag: NetlinkSocket, request: Uint8Array, decode: (message: NetlinkMessage) => T | undefined): T[] {
  try {
    return diag
      .dump(request, "reading the sockets")
      .map(decode)
      .filter((one) => one !== undefined);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "EINVAL")) return [];
    throw error;
  }
}
