import type { ProcessKey } from "../../../model/program/program.ts";
import type { ProcFolder } from "./proc-folder.ts";
import { socketInode } from "./proc-text.ts";

/** Where a socket was seen: hints, proven each time they are used. */
interface Place {
  readonly pid: number;
  readonly descriptor: string;
}

/** Every socket that is held, by inode, and the processes that did not let us look. */
export interface HeldSockets {
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
  readonly #seen = new Map<number, { readonly mark: string; readonly inodes: readonly number[] }>();

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
  all(): HeldSockets {
    const holders = new Map<number, ProcessKey[]>();
    const closed = new Set<number>();
    const pids = this.#proc.pids();
    this.#forgetOthers(new Set(pids));
    for (const pid of pids.toSorted((a, b) => a - b)) {
      // The start is read first: a number that changes hands meanwhile must not give its sockets to the earlier one.
      const since = this.#proc.startTicks(pid);
      const inodes = this.#look(pid);
      if (inodes === undefined) closed.add(pid);
      if (since === undefined || inodes === undefined || inodes.length === 0) continue;
      if (this.#proc.startTicks(pid) !== since) continue;
      for (const inode of new Set(inodes)) {
        const others = holders.get(inode);
        if (others === undefined) holders.set(inode, [{ pid, since }]);
        else others.push({ pid, since });
      }
    }
    return { holders, closed };
  }

  /** Those of the remembered places that still hold: the start is read before the link, see `all`. */
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
    if (mark !== undefined && this.#seen.get(pid)?.mark === mark) return false;
    this.#look(pid);
    return true;
  }

  /** Remembers the sockets of a process and gives them; undefined where this process may not look. */
  #look(pid: number): readonly number[] | undefined {
    this.#forget(pid);
    const mark = this.#proc.descriptorsMark(pid) ?? "";
    const descriptors = this.#proc.descriptors(pid);
    const inodes: number[] = [];
    let isClosed = descriptors === undefined;
    for (const descriptor of descriptors ?? []) {
      const link = this.#proc.link(pid, descriptor);
      if (link === undefined) isClosed = true;
      const inode = socketInode(link ?? "");
      if (inode === undefined) continue;
      inodes.push(inode);
      const places = this.#places.get(inode);
      if (places === undefined) this.#places.set(inode, [{ pid, descriptor }]);
      else places.push({ pid, descriptor });
    }
    this.#seen.set(pid, { mark, inodes });
    return isClosed ? undefined : inodes;
  }

  #forget(pid: number): void {
    for (const inode of this.#seen.get(pid)?.inodes ?? []) {
      const left = (this.#places.get(inode) ?? []).filter((place) => place.pid !== pid);
      if (left.length === 0) this.#places.delete(inode);
      else this.#places.set(inode, left);
    }
    this.#seen.delete(pid);
  }

  #forgetOthers(pids: ReadonlySet<number>): void {
    for (const pid of [...this.#seen.keys()]) if (!pids.has(pid)) this.#forget(pid);
  }
}
