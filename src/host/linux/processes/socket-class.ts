import { CLASS_MARK } from "../../../model/ownership.ts";
import { closeDescriptor } from "../../../native/linux/libc.ffi.ts";
import { readSocketMark, readSocketNamespace, writeSocketMark } from "../../../native/linux/process/socket-mark.ffi.ts";
import { takeDescriptor } from "../../../native/linux/process/take-descriptor.ffi.ts";

/** A process's descriptor for a socket. */
export interface Holder {
  readonly pid: number;
  readonly descriptor: number;
}

/** The number of the socket's class; 0 without one, and in another network namespace. */
export function readClass(socket: number, namespace: bigint): number {
  const mark = readSocketMark(socket) ?? 0;
  const number = (mark & CLASS_MARK.mask) >>> CLASS_MARK.shift;
  return number !== 0 && readSocketNamespace(socket) === namespace ? number : 0;
}

/** Gives the socket the number of a class, or 0 for none; whether the kernel took it. */
export function writeClass(socket: number, number: number): boolean {
  const mark = readSocketMark(socket) ?? 0;
  return writeSocketMark(socket, ((mark & ~CLASS_MARK.mask) | (number << CLASS_MARK.shift)) >>> 0);
}

/** The result of the work with a duplicate of the socket; undefined where it cannot be reached through this process. */
export function withSocket<T>({ pid, descriptor }: Holder, work: (socket: number) => T): T | undefined {
  let socket: number;
  try {
    socket = takeDescriptor(pid, descriptor);
  } catch {
    return undefined;
  }
  try {
    return work(socket);
  } finally {
    closeDescriptor(socket);
  }
}
