import { CLASS_MARK } from "../../../model/ownership.ts";
import { closeDescriptor } from "../../../native/linux/libc.ffi.ts";
import { readSocketMark, readSocketNamespace, writeSocketMark } from "../../../native/linux/process/socket-mark.ffi.ts";
import { takeDescriptor } from "../../../native/linux/process/take-descriptor.ffi.ts";
import { ProcFolder } from "./proc-folder.ts";

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
      const isCleared = clearClass(pid, Number(descriptor), numbers, namespace);
      if (isCleared !== undefined) seen.add(inode);
      if (isCleared === true) cleared += 1;
    }
  }
  return cleared;
}

/** Undefined where the socket cannot be reached through this process. */
function clearClass(
  pid: number,
  descriptor: number,
  numbers: ReadonlySet<number>,
  namespace: bigint,
): boolean | undefined {
  let socket: number;
  try {
    socket = takeDescriptor(pid, descriptor);
  } catch {
    return undefined;
  }
  try {
    const mark = readSocketMark(socket) ?? 0;
    const number = (mark & CLASS_MARK.mask) >>> CLASS_MARK.shift;
    if (!numbers.has(number) || readSocketNamespace(socket) !== namespace) return false;
    return writeSocketMark(socket, (mark & ~CLASS_MARK.mask) >>> 0);
  } finally {
    closeDescriptor(socket);
  }
}
