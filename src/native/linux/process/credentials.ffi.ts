import { AwgError } from "../../../model/error.ts";
import { callLibc, checkedLibc } from "../libc.ffi.ts";

const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_GET_DUMPABLE = 3;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;
/** struct rlimit on 64-bit Linux: the soft limit, the hard one, 8 bytes each. */
const RLIMIT_BYTES = 16;
/** _LINUX_CAPABILITY_VERSION_3 (linux/capability.h). */
const CAPABILITY_VERSION = 0x20080522;
const CAP_SETUID = 1 << 7;
/** setfsuid returns the previous uid; an invalid id changes nothing and so only queries. */
const NO_ID = 0xffffffff;

/**
 * Runs `make` with this thread's filesystem uid (and gid) changed: a socket opened meanwhile has that uid for
 * nf_tables' `meta skuid`, while the process keeps its rights. The ids are always restored.
 *
 * `make` must be synchronous: other work on this thread would run with the wrong uid. As a side effect the kernel makes
 * the process undumpable (prctl(2), PR_SET_DUMPABLE), as `forbidDumps` does.
 *
 * @throws AwgError("permission") when this process may not use the uid (another user, or a user namespace without it).
 */
export function withFilesystemUser<T>(uid: number, gid: number, make: () => T): T {
  const [oldGid, oldUid] = [callLibc("setfsgid", gid), callLibc("setfsuid", uid)];
  try {
    if (callLibc("setfsuid", NO_ID) !== uid || callLibc("setfsgid", NO_ID) !== gid) {
      throw new AwgError("permission", `this process may not open sockets as user ${uid}, group ${gid}`, {
        facts: { errno: "EPERM", uid, gid },
        remedy: "run it as root of the host",
      });
    }
    return make();
  } finally {
    callLibc("setfsuid", oldUid);
    callLibc("setfsgid", oldGid);
  }
}

/**
 * Forbids core dumps, /proc/<pid>/mem and ptrace by the same user from now on, to protect keys. The core limit is 0 for
 * child processes too: an engine that gives up root becomes dumpable again when it is executed.
 */
export function forbidDumps(): void {
  checkedLibc("setting the limit of core dumps", "setrlimit", RLIMIT_CORE, new Uint8Array(RLIMIT_BYTES));
  checkedLibc("forbidding core dumps of this process", "prctl", PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/**
 * Makes this process that user, without capabilities in any thread, while the sockets that this thread opens remain those of
 * root for nf_tables' `meta skuid`. So does its access to files.
 *
 * @throws an error of the system in a user namespace without the user
 */
export function becomeUserWithRootSockets({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  checkedLibc("keeping the capabilities of this thread", "prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0);
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  setCapabilities(CAP_SETUID);
  callLibc("setfsuid", 0);
  dropCapabilities();
}

/** Takes every capability from this thread and the threads it starts (capset(2)). */
export function dropCapabilities(): void {
  setCapabilities(0);
}

/** Effective and permitted ones, of the first 32; the inheritable ones become empty. */
function setCapabilities(bits: number): void {
  const header = new Uint8Array(Uint32Array.of(CAPABILITY_VERSION, 0).buffer);
  const sets = new Uint8Array(Uint32Array.of(bits, bits, 0, 0, 0, 0).buffer);
  checkedLibc("giving up capabilities", "capset", header, sets);
}

/** Takes from this thread and the programs it starts the rights of set-user-ID files (PR_SET_NO_NEW_PRIVS). */
export function forbidNewPrivileges(): void {
  checkedLibc("forbidding new privileges", "prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/** Whether this process may be dumped. */
export function isDumpable(): boolean {
  return checkedLibc("reading whether this process may be dumped", "prctl", PR_GET_DUMPABLE, 0, 0, 0, 0) === 1;
}
