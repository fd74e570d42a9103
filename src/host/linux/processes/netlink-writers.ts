import type { Program } from "../../../model/program/program.ts";
import { programName } from "../../../model/program/program-name.ts";
import type { NamedWriter, Writer } from "../../ports/network-events.ts";
import type { ProcFolder } from "./proc-folder.ts";
import { netlinkInode, parseUnit } from "./proc-text.ts";
import type { SocketHolders } from "./socket-holders.ts";

/** So often within a second somebody is looked for, and all processes are searched: who changes more is named by one of these. */
const MOST = { looks: 20, searches: 2 } as const;
const SPAN_MS = 1_000;
/**
 * Process 1 takes in who lost its parent: of such a process it says nothing. systemd makes sockets for services and keeps
 * them (systemd.socket(5), ListenNetlink=), so that what networkd writes bears the port id 1.
 */
const FIRST_PID = 1;

export interface NetlinkWritersDeps {
  readonly proc: ProcFolder;
  readonly holders: SocketHolders;
  /** Milliseconds that only grow. */
  readonly nowMs: () => number;
}

/**
 * Names who wrote by a netlink socket of this network namespace, by its port id. The kernel gives a process's first socket
 * its pid for a port id, and any other free number to the next; a process may also choose one, and its pid is another in
 * its own PID namespace (netlink_autobind and netlink_bind of net/netlink/af_netlink.c). So a number alone names nobody: it
 * must be a process that has the very socket open now.
 */
export class NetlinkWriters {
  readonly #deps: NetlinkWritersDeps;
  readonly #protocol: number;
  #spanFromMs = Number.NEGATIVE_INFINITY;
  #looks = 0;
  #searches = 0;
  /** What the last search found: a rival that goes on is not searched for each time. */
  #found: { readonly inode: number; readonly pid: number } | undefined;

  constructor(protocol: number, deps: NetlinkWritersDeps) {
    this.#protocol = protocol;
    this.#deps = deps;
  }

  /** To be asked at once: who writes one thing and ends is gone within a millisecond. undefined: not looked for. */
  writerOf(port: number): Writer | undefined {
    this.#beginSpan();
    this.#looks += 1;
    if (this.#looks > MOST.looks) return undefined;
    const { proc } = this.#deps;
    const table = proc.netlinkTable();
    if (table === undefined) return undefined;
    const inode = netlinkInode(table, this.#protocol, port);
    if (inode === undefined) return { port, unnamed: "closed" };
    const holder = proc.readHolder(port, inode);
    if (holder !== undefined) return port === FIRST_PID ? this.#heir(holder, inode) : this.#named(holder);
    return this.#isOpen(port, inode) ? this.#search(port, inode) : { port, unnamed: "closed" };
  }

  /** A process that the kernel named by what it calls itself, as a person knows it while it is there. */
  known({ pid, program }: NamedWriter): NamedWriter {
    this.#beginSpan();
    this.#looks += 1;
    const found = this.#looks > MOST.looks ? undefined : this.#deps.proc.read(pid);
    return { pid, program: found?.name === program ? programName(found) : program };
  }

  #search(port: number, inode: number): Writer | undefined {
    const found = this.#foundBefore(inode);
    if (found !== undefined) return this.#named(found);
    this.#searches += 1;
    if (this.#searches > MOST.searches) return undefined;
    const [one, ...others] = this.#deps.holders.holdersOf(inode);
    // A process that ends has no descriptors any more a moment before its sockets are closed.
    if (one === undefined) return { port, unnamed: this.#isOpen(port, inode) ? "unseen" : "closed" };
    if (others.length > 0) return { port, unnamed: "shared" };
    return this.#onlyHolder(port, inode, one.pid);
  }

  /** Who has a socket of process 1 besides it; process 1 where nobody has. A service that was started anew is another process. */
  #heir(first: Program, inode: number): Writer | undefined {
    const found = this.#foundBefore(inode);
    if (found !== undefined) return this.#named(found);
    this.#searches += 1;
    if (this.#searches > MOST.searches) return undefined;
    const holders = this.#deps.holders.all().holders.get(inode) ?? [];
    const [one, ...others] = holders.filter(({ pid }) => pid !== FIRST_PID);
    if (one === undefined) return this.#named(first);
    if (others.length > 0) return { port: FIRST_PID, unnamed: "shared" };
    return this.#onlyHolder(FIRST_PID, inode, one.pid);
  }

  #foundBefore(inode: number): Program | undefined {
    return this.#found?.inode === inode ? this.#deps.proc.readHolder(this.#found.pid, inode) : undefined;
  }

  #onlyHolder(port: number, inode: number, pid: number): Writer {
    const holder = this.#deps.proc.readHolder(pid, inode);
    if (holder === undefined) return { port, unnamed: "closed" };
    this.#found = { inode, pid };
    return this.#named(holder);
  }

  #isOpen(port: number, inode: number): boolean {
    return netlinkInode(this.#deps.proc.netlinkTable() ?? "", this.#protocol, port) === inode;
  }

  #named(writer: Program): NamedWriter {
    const { pid, parentPid, cgroup } = writer;
    const program = programName(writer);
    const unit = parseUnit(cgroup ?? null);
    if (unit !== undefined) return { pid, program, unit };
    const parent = parentPid > FIRST_PID ? this.#deps.proc.read(parentPid) : undefined;
    return {
      pid,
      program,
      ...(parent === undefined ? {} : { parent: { pid: parent.pid, program: programName(parent) } }),
    };
  }

  #beginSpan(): void {
    const nowMs = this.#deps.nowMs();
    if (nowMs - this.#spanFromMs < SPAN_MS) return;
    this.#spanFromMs = nowMs;
    this.#looks = 0;
    this.#searches = 0;
  }
}
