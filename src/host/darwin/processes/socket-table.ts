import type { ProcessKey } from "../../../model/program/program.ts";
import { TtlCache } from "../../../model/program/ttl-cache.ts";
import { counted } from "../../../model/text/counted.ts";
import { darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { decodeSocketList, type ListedSocket } from "../../../native/darwin/process/socket-list.codec.ts";
import {
  OWNER_TTL_MS,
  type OwnedSocket,
  type SocketEnd,
  type SocketList,
  type SocketOwner,
  type SocketTuple,
} from "../../ports/processes.ts";
import type { ProcessTable } from "./process-table.ts";

const PROTOCOLS = ["tcp", "udp"] as const;
type Protocol = (typeof PROTOCOLS)[number];
const ENOMEM = 12;
/** Whether a process has a socket open; undefined where it may not be inspected. */
type Proves = (pid: number, socket: bigint) => boolean | undefined;
/** The list may grow between the two calls for its size and its content: extra space, and attempts. */
const GROWTH = 1.25;
const TRIES = 8;

/**
 * macOS's sockets with their processes. One sysctl returns all of a protocol under a lock that blocks new sockets, so
 * it is read at most every 300 ms.
 */
export class SocketTable {
  readonly #system: LibSystem;
  readonly #processes: ProcessTable;
  readonly #lists = new TtlCache<ReadonlyMap<string, ListedSocket>>(OWNER_TTL_MS);
  readonly #owners = new TtlCache<SocketOwner | undefined>(OWNER_TTL_MS);

  constructor(system: LibSystem, processes: ProcessTable) {
    this.#system = system;
    this.#processes = processes;
  }

  /** The owner of a socket; see ProcessPort. */
  ownerOf(tuple: SocketTuple, nowMs: number): SocketOwner | undefined {
    return this.#owners.get(`${tuple.protocol} ${tupleText(tuple.local, tuple.remote)}`, nowMs, () => {
      const list = this.#lists.get(tuple.protocol, nowMs, () => byTuple(this.#read(tuple.protocol)));
      const found = candidates(tuple)
        .map((text) => list.get(text))
        .find((socket) => socket !== undefined);
      return found === undefined ? undefined : this.#owner(found, (pid, socket) => this.#processes.holds(pid, socket));
    });
  }

  /** All sockets. The files of a process are read once for all of its sockets, not for each. */
  all(): SocketList {
    const open = new Map<number, ReadonlySet<bigint> | undefined>();
    const proves: Proves = (pid, socket) => {
      if (!open.has(pid)) open.set(pid, this.#processes.socketsOf(pid));
      return open.get(pid)?.has(socket);
    };
    const sockets = PROTOCOLS.flatMap((protocol) =>
      this.#read(protocol).map((socket): OwnedSocket => {
        const { local, remote } = socket;
        return { protocol, local, ...(remote.port === 0 ? {} : { remote }), ...this.#owner(socket, proves) };
      }),
    );
    const unproven = [...open.values()].filter((held) => held === undefined).length;
    const unseen =
      unproven === 0 ? [] : [`the sockets of ${counted(unproven, "program")} of other users, except their last users`];
    return { sockets, closed: new Set(), unseen };
  }

  /**
   * The pid of the last user may have been reused: it counts only if that process has the socket open, where that can
   * be read.
   */
  #owner({ uid, lastPid, behalfPid, socket }: ListedSocket, proves: Proves): SocketOwner {
    const holder = this.#processes.key(lastPid);
    const behalf: ProcessKey | undefined = behalfPid === lastPid ? undefined : this.#processes.key(behalfPid);
    const isProven = holder !== undefined && proves(lastPid, socket) !== false;
    return { uid, holders: isProven ? [holder] : [], ...(behalf === undefined ? {} : { behalf }) };
  }

  #read(protocol: Protocol): ListedSocket[] {
    const name = `net.inet.${protocol}.pcblist_n`;
    const action = `reading the ${protocol} sockets`;
    const estimate = this.#system.sysctlByName(name, undefined);
    if (estimate.value === -1) throw darwinError(action, estimate.errno);
    let room = estimate.length;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      room = Math.ceil(room * GROWTH) + 64;
      const buffer = new Uint8Array(room);
      const read = this.#system.sysctlByName(name, buffer);
      if (read.value !== -1) return decodeSocketList(buffer.subarray(0, read.length));
      if (read.errno !== ENOMEM) throw darwinError(action, read.errno);
    }
    throw darwinError(action, ENOMEM);
  }
}

/** A dual-stack socket also counts for IPv4, where no IPv4 socket is bound to the port. */
function byTuple(sockets: readonly ListedSocket[]): ReadonlyMap<string, ListedSocket> {
  const both = sockets.filter(({ isOfBoth }) => isOfBoth);
  return new Map([
    ...both.map((one) => [tupleText({ ...one.local, address: "0.0.0.0" }, undefined), one] as const),
    ...sockets.map((socket) => [tupleText(socket.local, socket.remote), socket] as const),
  ]);
}

/** The socket with exactly these endpoints; for UDP otherwise one that is bound but not connected. */
function candidates({ protocol, local, remote }: SocketTuple): readonly string[] {
  const connected = tupleText(local, remote);
  if (protocol === "tcp") return [connected];
  const unbound = { address: local.address.includes(":") ? "::" : "0.0.0.0", port: local.port };
  return [connected, tupleText(local, undefined), tupleText(unbound, undefined)];
}

/** An endpoint with port 0 is unset, and its address has no meaning. */
function tupleText(local: SocketEnd, remote: SocketEnd | undefined): string {
  const there = remote === undefined || remote.port === 0 ? "" : `${remote.address} ${remote.port}`;
  return `${local.address} ${local.port} ${there}`;
}
