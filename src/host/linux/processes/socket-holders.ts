import type { ProcessKey } from "../../../model/program/program.ts";
import type { DescriptorsMark, OpenSocket, ProcFolder } from "./proc-folder.ts";

/** Where a socket was seen: hints, proven each time they are used. */
interface Place {
  readonly pid: number;
  readonly descriptor: string;
}

/** Every socket that is held, by inode, and the processes that did not let us look. */
export interface SocketHolderMap {
  readonly holders: ReadonlyMap<number, readonly ProcessKey[]>;
  readonly closed: ReadonlySet<number>;
}

/**
 * Finds who holds a socket. The kernel does not tell, so that all descriptors of all processes would have to be read;
 * what was seen once is remembered and proven with two reads, and for a new socket those processes are looked at first
 * whose number of descriptors changed.
 */
export class SocketHolders {
  readonly #proc: ProcFolder;
  readonly #places = new Map<number, Place[]>();
  readonly #seen = new Map<
    number,
    { readonly mark: DescriptorsMark | undefined; readonly sockets: readonly OpenSocket[] }
  >();

  /** Starts by number, each for the process whose folder has this inode. */
  readonly #starts = new Map<number, { readonly folder: number; readonly since: bigint }>();

  constructor(proc: ProcFolder) {
    this.#proc = proc;
  }

  /** Everyone who holds the socket now, the lowest number first. */
  holdersOf(inode: number): readonly ProcessKey[] {
    const known = this.#proven(inode);
    if (known.length > 0) return known;
    const pids = this.#proc.pids();
    this.#forgetOthers(new Set(pids));
    const unchanged = pids.filter((pid) => !this.#lookIfChanged(pid));
    const found = this.#proven(inode);
    if (found.length > 0) return found;
    // Whoever closes one file and opens another has as many as before.
    for (const pid of unchanged) this.#look(pid);
    return this.#proven(inode);
  }

  /** Reads all descriptors of all processes afresh. */
  all(): SocketHolderMap {
    const holders = new Map<number, ProcessKey[]>();
    const closed = new Set<number>();
    const pids = this.#proc.pids();
    this.#forgetOthers(new Set(pids));
    for (const pid of pids.toSorted((a, b) => a - b)) {
      const sockets = this.#look(pid);
      if (sockets === undefined) closed.add(pid);
      if (sockets === undefined || sockets.length === 0) continue;
      // A number that changes hands meanwhile must not give its sockets to the next process: its folder is another then.
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

  /** When the process started whose descriptors were looked at last; undefined when it is gone. */
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
   * Those of the remembered places that still hold. The start is read before the link: should the number change hands in
   * between, the answer names a process that has ended, never one that did not hold the socket.
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

  /** Remembers the sockets of a process and gives them; undefined where this process may not look. */
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
