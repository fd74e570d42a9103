import { demandSize, readCharacters, readSigned, readUnsigned, readUnsigned64 } from "../struct.codec.ts";
import { PROC_INFO } from "./process-constants.ts";
import { PROCESS_LAYOUTS } from "./process-layouts.ts";

const SHORT = PROCESS_LAYOUTS.proc_bsdshortinfo;
const FULL = PROCESS_LAYOUTS.proc_bsdinfo;
const UNIQUE = PROCESS_LAYOUTS.proc_uniqidentifierinfo;
const OPEN_FILE = PROCESS_LAYOUTS.proc_fdinfo;
const SOCKET_FILE = PROCESS_LAYOUTS.socket_fdinfo;
/** Limit of the arguments that are read; a process may have a megabyte. */
const SHOWN_ARGUMENT_BYTES = 4096;

/** The data about a process that every user may read. */
export interface ShortProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  readonly uid: number;
  /** At most 15 bytes. */
  readonly name: string;
}

/** Reads struct proc_bsdshortinfo. AwgError("host") when it is of another size. */
export function decodeShortInfo(bytes: Uint8Array): ShortProcessInfo {
  demandSize(bytes, SHORT.size, "proc_bsdshortinfo");
  const { pbsi_pid, pbsi_ppid, pbsi_uid, pbsi_comm } = SHORT.fields;
  return {
    pid: readUnsigned(bytes, 0, pbsi_pid),
    parentPid: readUnsigned(bytes, 0, pbsi_ppid),
    uid: readUnsigned(bytes, 0, pbsi_uid),
    name: readCharacters(bytes, 0, pbsi_comm),
  };
}

/** When a process started, in milliseconds since the epoch, of struct proc_bsdinfo. */
export function decodeStartMs(bytes: Uint8Array): number {
  demandSize(bytes, FULL.size, "proc_bsdinfo");
  const { pbi_start_tvsec, pbi_start_tvusec } = FULL.fields;
  const microseconds = Number(readUnsigned64(bytes, 0, pbi_start_tvusec));
  return Number(readUnsigned64(bytes, 0, pbi_start_tvsec)) * 1000 + Math.floor(microseconds / 1000);
}

/** The id of struct proc_uniqidentifierinfo, unique until the next boot. */
export function decodeUniqueId(bytes: Uint8Array): bigint {
  demandSize(bytes, UNIQUE.size, "proc_uniqidentifierinfo");
  return readUnsigned64(bytes, 0, UNIQUE.fields.p_uniqueid);
}

/** The process numbers of a list, without the kernel's own (0). */
export function decodePids(bytes: Uint8Array): number[] {
  const pids: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const pid = readSigned(bytes, at, [0, 4]);
    if (pid > 0) pids.push(pid);
  }
  return pids;
}

/** The descriptors of a process that are sockets, of a list of struct proc_fdinfo. */
export function decodeSocketDescriptors(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + OPEN_FILE.size <= bytes.length; at += OPEN_FILE.size) {
    if (readUnsigned(bytes, at, OPEN_FILE.fields.proc_fdtype) !== PROC_INFO.PROX_FDTYPE_SOCKET) continue;
    found.push(readSigned(bytes, at, OPEN_FILE.fields.proc_fd));
  }
  return found;
}

/** The kernel's (scrambled) address of a socket in struct socket_fdinfo: the same as xso_so of a list of sockets. */
export function decodeSocketAddress(bytes: Uint8Array): bigint {
  demandSize(bytes, SOCKET_FILE.size, "socket_fdinfo");
  return readUnsigned64(bytes, 0, SOCKET_FILE.fields["psi.soi_so"]);
}

/** A path up to its NUL, from PROC_PIDPATHINFO; undefined when it is empty or unterminated. */
export function decodePath(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  return end <= 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, end));
}

/**
 * The arguments of KERN_PROCARGS2: their number, the program's path, NULs, then each argument with its NUL. Undefined
 * when invalid: the process may have overwritten them.
 */
export function decodeArguments(bytes: Uint8Array): readonly string[] | undefined {
  if (bytes.length < 4) return undefined;
  const count = readSigned(bytes, 0, [0, 4]);
  let at = bytes.indexOf(0, 4);
  if (count < 0 || at < 0) return undefined;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  const last = Math.min(bytes.length, at + SHOWN_ARGUMENT_BYTES);
  const found: string[] = [];
  while (found.length < count && at < last) {
    const nul = bytes.indexOf(0, at);
    const end = nul < 0 || nul > last ? last : nul;
    found.push(new TextDecoder().decode(bytes.subarray(at, end)));
    at = end + 1;
  }
  return found;
}
