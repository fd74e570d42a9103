import type { Program } from "../../../model/program/program.ts";
import { TtlCache } from "../../../model/program/ttl-cache.ts";
import { counted } from "../../../model/text/counted.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import {
  type DiagSocket,
  decodeSocket,
  encodeSocketDump,
  encodeSocketRequest,
  NETLINK_SOCK_DIAG,
} from "../../../native/linux/netlink/inet-diag.codec.ts";
import { type NetlinkSocket, openNetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import {
  OWNER_TTL_MS,
  type OwnedSocket,
  type ProcessList,
  type ProcessPort,
  type SocketEnd,
  type SocketList,
  type SocketOwner,
  type SocketTuple,
} from "../../ports/processes.ts";
import { ProcFolder } from "./proc-folder.ts";
import { watchProcesses } from "./process-events.ts";
import { SocketHolders } from "./socket-holders.ts";
import { readTraffic } from "./socket-traffic.ts";

const PROTOCOLS = ["tcp", "udp"] as const;
const FAMILIES = [4, 6] as const;

export interface LinuxProcessDeps {
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** The folder used instead of /proc, for tests. */
  readonly procRoot?: string;
}

/** The processes of this PID namespace by /proc, and the sockets of this network namespace by sock_diag(7). */
export function linuxProcesses({ nowMs, procRoot }: LinuxProcessDeps): ProcessPort {
  const proc = new ProcFolder(procRoot);
  const holders = new SocketHolders(proc);
  const kept = new TtlCache<SocketOwner | undefined>(OWNER_TTL_MS);
  let socket: NetlinkSocket | undefined;
  const diag = () => {
    socket ??= openNetlinkSocket(NETLINK_SOCK_DIAG);
    return socket;
  };
  return {
    list: () => listPrograms(proc),
    read: (pid) => proc.read(pid),
    isAlive: ({ pid, since }) => proc.startTicks(pid) === since,
    ownerOf: (tuple) => kept.get(tupleText(tuple), nowMs(), () => findOwner(diag(), holders, tuple)),
    sockets: () => listSockets(diag(), holders, proc),
    traffic: () => readTraffic(diag(), holders),
    watch: watchProcesses,
  };
}

/** Leaves out programs in other network namespaces: no rule of this one reaches them. */
function listPrograms(proc: ProcFolder): ProcessList {
  const here = proc.networkOf("self");
  const pids = proc.pids();
  const reached = pids.filter((pid) => [undefined, here].includes(proc.networkOf(pid)));
  const elsewhere = pids.length - reached.length;
  const programs = reached.map((pid) => proc.read(pid)).filter((program): program is Program => program !== undefined);
  const closed = programs.filter(({ path }) => path === undefined).length;
  const unseen = [
    ...(proc.hidesOthers() ? ["/proc hides the processes of other users (hidepid)"] : []),
    ...(elsewhere === 0 ? [] : [`${counted(elsewhere, "process", "processes")} in other network namespaces`]),
    ...(closed === 0 ? [] : [`the program files of ${counted(closed, "process", "processes")} of other users`]),
  ];
  return { programs, unseen };
}

function findOwner(diag: NetlinkSocket, holders: SocketHolders, tuple: SocketTuple): SocketOwner | undefined {
  const found = findSocket(diag, tuple);
  return found === undefined ? undefined : { uid: found.uid, holders: holders.holdersOf(found.inode) };
}

/**
 * The socket with exactly these endpoints. The kernel answers with the socket that would receive the packet, which may
 * be a listener or an unbound UDP socket. TCP must be the connection itself; UDP may be unbound.
 */
function findSocket(diag: NetlinkSocket, { protocol, local, remote }: SocketTuple): DiagSocket | undefined {
  const other = remote ?? { address: local.address.includes(":") ? "::" : "0.0.0.0", port: 0 };
  let answers: readonly DiagSocket[];
  try {
    answers = diag
      .request(encodeSocketRequest(protocol, local, other), "looking up the owner of a socket")
      .map(decodeSocket)
      .filter((found) => found !== undefined);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  return answers.find(
    (found) => found.inode !== 0 && found.local.port === local.port && (protocol === "udp" || isEnd(found, other)),
  );
}

function isEnd({ remote }: DiagSocket, { address, port }: SocketEnd): boolean {
  return remote.port === port && (port === 0 || remote.address === address);
}

function listSockets(diag: NetlinkSocket, holders: SocketHolders, proc: ProcFolder): SocketList {
  const unlisted: string[] = [];
  const found = PROTOCOLS.flatMap((protocol) =>
    FAMILIES.flatMap((family) => {
      const dumped = dumpSockets(diag, protocol, family);
      if (dumped === undefined)
        unlisted.push(`the ${protocol} sockets of IPv${family}: this kernel does not list them`);
      return (dumped ?? []).map((socket) => ({ protocol, socket }));
    }),
  );
  const held = holders.all();
  const sockets = found.flatMap(({ protocol, socket }): OwnedSocket[] => {
    const { inode, uid, local, remote } = socket;
    if (inode === 0) return [];
    const owner = { uid, holders: held.holders.get(inode) ?? [] };
    return [{ protocol, local, ...(remote.port === 0 ? {} : { remote }), ...owner }];
  });
  const unseen = [
    ...unlisted,
    ...(proc.hidesOthers() ? ["/proc hides the processes of other users (hidepid)"] : []),
    ...(held.closed.size === 0
      ? []
      : [`the sockets of ${counted(held.closed.size, "process", "processes")} of other users`]),
  ];
  return { sockets, closed: held.closed, unseen };
}

/** undefined where the kernel has no module that lists them (INET_TCP_DIAG, INET_UDP_DIAG). */
function dumpSockets(diag: NetlinkSocket, protocol: "tcp" | "udp", family: 4 | 6): DiagSocket[] | undefined {
  try {
    return diag
      .dump(encodeSocketDump(protocol, family), `reading the ${protocol} sockets`)
      .map(decodeSocket)
      .filter((socket) => socket !== undefined);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}

function tupleText({ protocol, local, remote }: SocketTuple): string {
  const there = remote === undefined ? "" : `${remote.address} ${remote.port}`;
  return `${protocol} ${local.address} ${local.port} ${there}`;
}
