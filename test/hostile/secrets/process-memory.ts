import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const CHUNK_BYTES = 8 * 1024 * 1024;

/** How often each of some byte strings stands in the memory of a process. */
export type MemoryHits<Name extends string> = Readonly<Record<Name, number>>;

/**
 * Counts byte strings in every mapping of a process that it may write to, as a core dump or a debugger would find them
 * (proc(5), maps and mem; root of the machine is let in although the process is not dumpable). The process runs on, so
 * that what moves meanwhile may be missed or seen twice.
 */
export function searchMemory<Name extends string>(
  pid: number,
  wanted: Readonly<Record<Name, Uint8Array>>,
): MemoryHits<Name> {
  const needles = Object.entries<Uint8Array>(wanted).map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }));
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length));
  const hits = Object.fromEntries(needles.map(({ name }) => [name, 0])) as Record<Name, number>;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES + longest - 1);
  try {
    for (const { from, to } of writableMappings(pid)) {
      for (let at = from; at < to; at += CHUNK_BYTES) {
        const read = readMemory(memory, chunk, at, Math.min(chunk.length, to - at));
        const isLast = at + CHUNK_BYTES >= to;
        for (const { name, bytes } of needles) {
          hits[name as Name] += countIn(chunk.subarray(0, read), bytes, isLast ? read : CHUNK_BYTES);
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return hits;
}

function writableMappings(pid: number): readonly { readonly from: number; readonly to: number }[] {
  return readFileSync(`/proc/${pid}/maps`, "latin1")
    .split("\n")
    .flatMap((line) => {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      return from === undefined || to === undefined || line.endsWith("[vvar]")
        ? []
        : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
    });
}

/** Pages of a device or that were given back meanwhile cannot be read: nothing of ours is in them. */
function readMemory(memory: number, into: Buffer, at: number, bytes: number): number {
  try {
    return readSync(memory, into, 0, bytes, at);
  } catch {
    return 0;
  }
}

/** Occurrences that begin before `end`. */
function countIn(bytes: Buffer, needle: Buffer, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at >= 0 && at < end; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}
