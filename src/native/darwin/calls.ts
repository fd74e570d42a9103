import { darwinError } from "./errno.ts";
import type { CallResult, LibSystem } from "./libsystem.ts";

const ENOMEM = 12;
/** A table may grow between the two calls for its size and its content: extra space, and attempts. */
const GROWTH = 1.25;
const TRIES = 8;

/** The value of a call; throws an error that names the action. */
export function checkedCall(action: string, { value, errno }: CallResult): number {
  if (value === -1) throw darwinError(action, errno);
  return value;
}

/** Runs with a socket that is always closed afterwards. Throws AwgError when it cannot be opened. */
export function withSocket<T>(
  system: LibSystem,
  kind: { readonly domain: number; readonly type: number; readonly protocol: number },
  run: (fd: number) => T,
): T {
  const fd = checkedCall("opening a socket", system.socket(kind.domain, kind.type, kind.protocol));
  try {
    return run(fd);
  } finally {
    system.close(fd);
  }
}

/**
 * Reads a sysctl of any size: first its size, then its content, again with more space while it grows.
 *
 * @throws AwgError as the kernel says, or ("host") when it grows faster than it can be read.
 */
export function readSysctl(system: LibSystem, action: string, mib: readonly number[]): Uint8Array {
  const estimate = system.sysctl(mib, undefined);
  checkedCall(action, estimate);
  let room = estimate.length;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    room = Math.ceil(room * GROWTH) + 64;
    const buffer = new Uint8Array(room);
    const read = system.sysctl(mib, buffer);
    if (read.value !== -1) return buffer.subarray(0, read.length);
    if (read.errno !== ENOMEM) throw darwinError(action, read.errno);
  }
  throw darwinError(action, ENOMEM);
}

/** The name of this boot, a UUID (kern.bootsessionuuid, bsd/kern/kern_sysctl.c); "unknown" where there is none. */
export function readBootSession(system: Pick<LibSystem, "sysctlByName">): string {
  const buffer = new Uint8Array(64);
  const { value, length } = system.sysctlByName("kern.bootsessionuuid", buffer);
  const text = value === -1 ? "" : new TextDecoder().decode(buffer.subarray(0, Math.max(0, length - 1)));
  return /^[0-9A-Fa-f-]{36}$/.test(text) ? text : "unknown";
}
