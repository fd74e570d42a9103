import { ProcFolder } from "./proc-folder.ts";
import { readClass, withSocket, writeClass } from "./socket-class.ts";

/**
 * Takes these classes from every open socket of a network namespace: their numbers are about to mean other programs, and
 * an open socket keeps the number that it has. Sockets of processes that may not be traced keep theirs.
 *
 * @returns how many sockets had one
 */
export function clearClasses(numbers: ReadonlySet<number>, namespace: bigint, proc = new ProcFolder()): number {
  if (numbers.size === 0) return 0;
  const seen = new Set<number>();
  let cleared = 0;
  for (const pid of proc.pids()) {
    for (const { descriptor, inode } of proc.sockets(pid) ?? []) {
      if (seen.has(inode)) continue;
      const holder = { pid, descriptor: Number(descriptor) };
      const isCleared = withSocket(
        holder,
        (socket) => numbers.has(readClass(socket, namespace)) && writeClass(socket, 0),
      );
      if (isCleared !== undefined) seen.add(inode);
      if (isCleared === true) cleared += 1;
    }
  }
  return cleared;
}
