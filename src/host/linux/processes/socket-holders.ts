import type { ProcessKey } from "../../../model/program/program.ts";
import type { DescriptorsMark, OpenSocket, ProcFolder } from "./proc-folder.ts";

/** Where a socket was last seen: a hint that is verified at each use. */
interface Place {
  readonly pid: number;
  readonly descriptor: string;
}

/** The holders of every socket by inode, and the processes that could not be inspected. */
export interface SocketHolderMap {
  readonly holders: ReadonlyMap<number, readonly ProcessKey[]>;
  readonly closed: ReadonlySet<number>;
}

/**
 * Finds the processes that hold a socket. The kernel does not report them, so all descriptors of all processes must be
 * read. Known places are remembered and verified with two reads. For a new socket, processes with a changed number of
 * descriptors are read first.
 */
export class SocketHolders {
  readonly #proc: ProcFolder;
  readonly #places = new Map<number, Place[]>();
  readonly #seen = new Map<
    number,
    { readonly mark: DescriptorsMark | undefined; readonly sockets: readonly OpenSocket[] }
  >();

  /** Start times by pid, each for the process with this folder inode. */
  readonly #starts = new Map<number, { readonly folder: number; readonly since: bigint }>();

  constructor(proc: ProcFolder) {
    this.#proc = proc;
  }

  /** All processes that hold the socket now, by ascending pid. */
  holdersOf(inode: number): readonly ProcessKey[] {
    const known = this.#proven(inode);
    if (known.length > 0) return known;
    const pids = this.#proc.pids();
    this.#forgetOthers(new Set(pids));
    const unchanged = pids.filter((pid) => !this.#lookIfChanged(pid));
    const found = this.#proven(inode);
    if (found.length > 0) return found;
    // A process that closed one file and opened another has the same count.
    for (const pid of unchanged) this.#look(pid);
    return this.#proven(inode);
  }

  /** Reads all descriptors of all processes again. */
  all(): SocketHolderMap {
    const holders = new Map<number, ProcessKey[]>();
    const closed = new Set<number>();
    const pids = this.#proc.pids();
    this.#forgetOthers(new Set(pids));
    for (const pid of pids.toSorted((a, b) => a - b)) {
      const sockets = this.#look(pid);
      if (sockets === undefined) closed.add(pid);
      if (sockets === undefined || sockets.length === 0) continue;
      // A reused pid must not pass its sockets to the new process; its folder has another inode.
      const since = this.#startOf(pid);
      if (since === undefined) continue;
      const key = { pid, since };
      for (const { inode } of sockets) {
        const others = holders.get(inode);
        if (others === undefined) holders.set(inode, [key]);
        else if (others.at(-1) !== key) others.push(key);
      }
    }
    return { holders, closed };
  }

  /** The start time of the process that was read last under this pid; undefined when it is gone. */
  #startOf(pid: number): bigint | undefined {
    const folder = this.#seen.get(pid)?.mark?.folder;
    const known = this.#starts.get(pid);
    const since = known !== undefined && known.folder === folder ? known.since : this.#proc.startTicks(pid);
    if (folder === undefined || since === undefined || this.#proc.descriptorsMark(pid)?.folder !== folder)
      return undefined;
    this.#starts.set(pid, { folder, since });
    return since;
  }

  /**
   * The remembered places that are still valid. The start time is read before the link: if the pid is reused in
   * between, the answer names an ended process, never one that did not hold the socket.
   */
  #proven(inode: number): ProcessKey[] {
    const wanted = `socket:[${inode}]`;
    const found = new Map<number, ProcessKey>();
    for (const { pid, descriptor } of this.#places.get(inode) ?? []) {
      if (found.has(pid)) continue;
      const since = this.#proc.startTicks(pid);
      if (since !== undefined && this.#proc.link(pid, descriptor) === wanted) found.set(pid, { pid, since });
    }
    return [...found.values()].toSorted((a, b) => a.pid - b.pid);
  }

  #lookIfChanged(pid: number): boolean {
    const mark = this.#proc.descriptorsMark(pid);
    const before = this.#seen.get(pid)?.mark;
    if (mark !== undefined && before?.folder === mark.folder && before.count === mark.count) return false;
    this.#look(pid);
    return true;
  }

  /** Reads and remembers the sockets of a process; undefined where it may not be inspected. */
  #look(pid: number): readonly OpenSocket[] | undefined {
    const mark = this.#proc.descriptorsMark(pid);
    const sockets = this.#proc.sockets(pid);
    if (!isSame(this.#seen.get(pid)?.sockets, sockets ?? [])) {
      this.#forget(pid);
      for (const { descriptor, inode } of sockets ?? []) {
        const places = this.#places.get(inode);
        if (places === undefined) this.#places.set(inode, [{ pid, descriptor }]);
        else places.push({ pid, descriptor });
      }
    }
    this.#seen.set(pid, { mark, sockets: sockets ?? [] });
    return sockets;
  }

  #forget(pid: number): void {
    for (const { inode } of this.#seen.get(pid)?.sockets ?? []) {
      const left = (this.#places.get(inode) ?? []).filter((place) => place.pid !== pid);
      if (left.length === 0) this.#places.delete(inode);
      else this.#places.set(inode, left);
    }
    this.#seen.delete(pid);
  }

  #forgetOthers(pids: ReadonlySet<number>): void {
    for (const pid of [...this.#seen.keys()]) if (!pids.has(pid)) this.#forget(pid);
    for (const pid of [...this.#starts.keys()]) if (!pids.has(pid)) this.#starts.delete(pid);
  }
}

function isSame(before: readonly OpenSocket[] | undefined, now: readonly OpenSocket[]): boolean {
  if (before?.length !== now.length) return false;
  return now.every(({ descriptor, inode }, at) => before[at]?.inode === inode && before[at].descriptor === descriptor);
}
