import type { Program } from "../../../model/program/program.ts";
import { programName } from "../../../model/program/program-name.ts";
import type { NamedWriter, Writer } from "../../ports/network-events.ts";
import type { ProcFolder } from "./proc-folder.ts";
import { netlinkInode, parseUnit } from "./proc-text.ts";
import type { SocketHolders } from "./socket-holders.ts";

/** Limits per second for look-ups and for searches through all processes. */
const MOST = { looks: 20, searches: 2 } as const;
const SPAN_MS = 1_000;
/**
 * Process 1 adopts orphans, so it says nothing about the writer. systemd also opens sockets for services and keeps them
 * (systemd.socket(5), ListenNetlink=): writes by networkd have the port id 1.
 */
const FIRST_PID = 1;

export interface NetlinkWritersDeps {
  readonly proc: ProcFolder;
  readonly holders: SocketHolders;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * Names the process that wrote by a netlink socket of this network namespace, by its port id. A process's first socket
 * has its pid as port id, the next any free number. A process may also choose one, and in its own PID namespace its pid
 * differs (netlink_autobind and netlink_bind of net/netlink/af_netlink.c). So a process is named only if it has that
 * very socket open now.
 */
export class NetlinkWriters {
  readonly #deps: NetlinkWritersDeps;
  readonly #protocol: number;
  #spanFromMs = Number.NEGATIVE_INFINITY;
  #looks = 0;
  #searches = 0;
  /** The last search's result, so that a program that keeps writing is not searched for each time. */
  #found: { readonly inode: number; readonly pid: number } | undefined;

  constructor(protocol: number, deps: NetlinkWritersDeps) {
    this.#protocol = protocol;
    this.#deps = deps;
  }

  /** Call it at once: a program that writes once and exits is gone within a millisecond. undefined: not looked up. */
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

  /** A process that the kernel named, completed with its program while it exists. */
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
    // An exiting process loses its descriptors a moment before its sockets close.
    if (one === undefined) return { port, unnamed: this.#isOpen(port, inode) ? "unseen" : "closed" };
    if (others.length > 0) return { port, unnamed: "shared" };
    return this.#onlyHolder(port, inode, one.pid);
  }

  /** The process that shares a socket of process 1, or process 1 itself. A restarted service is another process. */
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
