import {
  malformed,
  readSigned,
  readSigned64,
  readUnsigned,
  readUnsigned64,
  writeNumber,
  writeNumber64,
} from "../struct.codec.ts";
import { KERNEL_EVENT } from "./process-constants.ts";
import { PROCESS_LAYOUTS } from "./process-layouts.ts";

const EVENT = PROCESS_LAYOUTS.kevent;
const WATCHED = KERNEL_EVENT.NOTE_EXIT + KERNEL_EVENT.NOTE_FORK + KERNEL_EVENT.NOTE_EXEC;

export const KEVENT_BYTES = EVENT.size;

/** A kernel queue's event of one process. `errno`: the error of a failed watch; 0 otherwise. */
export interface ProcessQueueEvent {
  readonly pid: number;
  readonly errno: number;
  readonly exited: boolean;
  readonly executed: boolean;
  readonly forked: boolean;
}

/** Watches these processes for fork, exec and exit. */
export function encodeProcessWatch(pids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(EVENT.size * pids.length);
  for (const [index, pid] of pids.entries()) {
    const at = index * EVENT.size;
    writeNumber64(bytes, at, EVENT.fields.ident, BigInt(pid));
    writeNumber(bytes, at, EVENT.fields.filter, KERNEL_EVENT.EVFILT_PROC);
    writeNumber(bytes, at, EVENT.fields.flags, KERNEL_EVENT.EV_ADD);
    writeNumber(bytes, at, EVENT.fields.fflags, WATCHED);
  }
  return bytes;
}

/** The first `count` events of a kernel queue, without those of other filters. */
export function decodeProcessEvents(bytes: Uint8Array, count: number): ProcessQueueEvent[] {
  if (count * EVENT.size > bytes.length) throw malformed(`${count} events in ${bytes.length} bytes`);
  const events: ProcessQueueEvent[] = [];
  for (let at = 0; at < count * EVENT.size; at += EVENT.size) {
    if (readSigned(bytes, at, EVENT.fields.filter) !== KERNEL_EVENT.EVFILT_PROC) continue;
    const flags = readUnsigned(bytes, at, EVENT.fields.flags);
    const isError = (flags & KERNEL_EVENT.EV_ERROR) !== 0;
    const notes = isError ? 0 : readUnsigned(bytes, at, EVENT.fields.fflags);
    events.push({
      pid: Number(readUnsigned64(bytes, at, EVENT.fields.ident)),
      errno: isError ? Number(readSigned64(bytes, at, EVENT.fields.data)) : 0,
      exited: (notes & KERNEL_EVENT.NOTE_EXIT) !== 0,
      executed: (notes & KERNEL_EVENT.NOTE_EXEC) !== 0,
      forked: (notes & KERNEL_EVENT.NOTE_FORK) !== 0,
    });
  }
  return events;
}
