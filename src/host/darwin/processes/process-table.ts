import type { ProcessKey, Program } from "../../../model/program/program.ts";
import { darwinErrnoName, darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { PROC_INFO, PROCESS_SYSCTL } from "../../../native/darwin/process/process-constants.ts";
import {
  decodeArguments,
  decodePath,
  decodePids,
  decodeShortInfo,
  decodeSocketAddress,
  decodeSocketDescriptors,
  decodeStartMs,
  decodeUniqueId,
} from "../../../native/darwin/process/process-info.codec.ts";
import { PROCESS_LAYOUTS } from "../../../native/darwin/process/process-layouts.ts";
import type { BundleNames } from "./bundles.ts";
import { readSigner } from "./signer.ts";

/** Initial buffer size in processes; a list that fills it may be truncated and is read again with a larger one. */
const EXPECTED_PROCESSES = 1024;
const MOST_PROCESSES = 1 << 20;
/** KERN_ARGMAX of macOS, the limit of arguments. */
const ARGUMENT_BYTES = 1024 * 1024;

/** macOS's processes by system call 336, the one behind libproc (darwin-notes section 7). */
export class ProcessTable {
  readonly #system: LibSystem;
  readonly #bundles: BundleNames | undefined;
  #arguments: Uint8Array | undefined;

  /** @param bundles without it programs have no bundles */
  constructor(system: LibSystem, bundles?: BundleNames) {
    this.#system = system;
    this.#bundles = bundles;
  }

  /** The pids of all processes. The kernel silently truncates a list that does not fit. */
  pids(): number[] {
    for (let room = EXPECTED_PROCESSES; room <= MOST_PROCESSES; room *= 2) {
      const buffer = new Uint8Array(4 * room);
      const { PROC_INFO_CALL_LISTPIDS, PROC_ALL_PIDS } = PROC_INFO;
      const { value, errno } = this.#system.procInfo(PROC_INFO_CALL_LISTPIDS, PROC_ALL_PIDS, 0, 0n, buffer);
      if (value === -1) throw darwinError("listing the processes", errno);
      if (value < buffer.length) return decodePids(buffer.subarray(0, value));
    }
    throw darwinError("listing the processes", 12);
  }

  /** The unique id of a process, never reused; undefined without a process of this pid. */
  uniqueId(pid: number): bigint | undefined {
    const bytes = this.#info(pid, PROC_INFO.PROC_PIDUNIQIDENTIFIERINFO, PROCESS_LAYOUTS.proc_uniqidentifierinfo.size);
    return bytes instanceof Uint8Array ? decodeUniqueId(bytes) : undefined;
  }

  /** The process with this pid; undefined when there is none. */
  key(pid: number): ProcessKey | undefined {
    const since = pid > 0 ? this.uniqueId(pid) : undefined;
    return since === undefined ? undefined : { pid, since };
  }

  /** One process; undefined when it ended, or its pid was reused during the read. */
  read(pid: number): Program | undefined {
    const since = this.uniqueId(pid);
    const short = this.#info(pid, PROC_INFO.PROC_PIDT_SHORTBSDINFO, PROCESS_LAYOUTS.proc_bsdshortinfo.size);
    if (since === undefined || !(short instanceof Uint8Array)) return undefined;
    const { parentPid, uid, name } = decodeShortInfo(short);
    const full = this.#info(pid, PROC_INFO.PROC_PIDTBSDINFO, PROCESS_LAYOUTS.proc_bsdinfo.size);
    const commandLine = this.#commandLine(pid);
    const { path } = this.#path(pid);
    const program: Program = {
      pid,
      since,
      parentPid,
      uid,
      name,
      cgroup: null,
      ...(path === undefined ? {} : { path, ...this.#bundles?.of(path) }),
      ...readSigner(this.#system, pid),
      ...(full instanceof Uint8Array ? { startedMs: decodeStartMs(full) } : {}),
      ...(commandLine === undefined ? {} : { commandLine }),
    };
    return this.uniqueId(pid) === since ? program : undefined;
  }

  /**
   * Whether the process has this socket open; undefined where it may not be inspected (another user's). Then only the
   * kernel's last user of the socket is known.
   */
  holds(pid: number, socket: bigint): boolean | undefined {
    return this.#openSockets(pid)?.some((open) => open === socket);
  }

  /** The process's open sockets, by kernel address; undefined where it may not be inspected. */
  socketsOf(pid: number): ReadonlySet<bigint> | undefined {
    const open = this.#openSockets(pid);
    return open === undefined ? undefined : new Set(open);
  }

  /** Lazy: one call per file. */
  #openSockets(pid: number): IteratorObject<bigint> | undefined {
    const { PROC_INFO_CALL_PIDFDINFO, PROC_PIDFDSOCKETINFO, PROC_PIDLISTFDS } = PROC_INFO;
    const files = this.#grown(pid, PROC_PIDLISTFDS);
    if (!(files instanceof Uint8Array)) return files === "EPERM" ? undefined : Iterator.from([]);
    return Iterator.from(decodeSocketDescriptors(files)).flatMap((descriptor) => {
      const bytes = new Uint8Array(PROCESS_LAYOUTS.socket_fdinfo.size);
      const call = [PROC_INFO_CALL_PIDFDINFO, pid, PROC_PIDFDSOCKETINFO, BigInt(descriptor), bytes] as const;
      return this.#system.procInfo(...call).value === bytes.length ? [decodeSocketAddress(bytes)] : [];
    });
  }

  /** The program's file; the kernel reports no path after it is replaced or deleted. */
  #path(pid: number): { readonly path?: string } {
    const buffer = new Uint8Array(PROC_INFO.PROC_PIDPATHINFO_MAXSIZE);
    const { PROC_INFO_CALL_PIDINFO, PROC_PIDPATHINFO } = PROC_INFO;
    const { value } = this.#system.procInfo(PROC_INFO_CALL_PIDINFO, pid, PROC_PIDPATHINFO, 0n, buffer);
    const path = value === -1 ? undefined : decodePath(buffer);
    return path === undefined ? {} : { path };
  }

  #commandLine(pid: number): readonly string[] | undefined {
    this.#arguments ??= new Uint8Array(ARGUMENT_BYTES);
    const mib = [PROCESS_SYSCTL.CTL_KERN, PROCESS_SYSCTL.KERN_PROCARGS2, pid];
    const { value, length } = this.#system.sysctl(mib, this.#arguments);
    return value === -1 ? undefined : decodeArguments(this.#arguments.subarray(0, length));
  }

  /** A struct of fixed size, or the name of the errno. */
  #info(pid: number, flavor: number, size: number): Uint8Array | string {
    const bytes = new Uint8Array(size);
    const { value, errno } = this.#system.procInfo(PROC_INFO.PROC_INFO_CALL_PIDINFO, pid, flavor, 0n, bytes);
    if (value === -1) return darwinErrnoName(errno);
    return value === size ? bytes : "ESRCH";
  }

  /** A list of any length, or the name of the errno. */
  #grown(pid: number, flavor: number): Uint8Array | string {
    for (let size = 4096; size <= 4 * MOST_PROCESSES; size *= 4) {
      const bytes = new Uint8Array(size);
      const { value, errno } = this.#system.procInfo(PROC_INFO.PROC_INFO_CALL_PIDINFO, pid, flavor, 0n, bytes);
      if (value === -1) return darwinErrnoName(errno);
      if (value < size) return bytes.subarray(0, value);
    }
    return "ENOMEM";
  }
}
