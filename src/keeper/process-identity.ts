import { readdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { readProcessState } from "../native/linux/process/process-state.ts";

/** A process that cannot be confused with a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and its start. */
  readonly startTicks: string;
}

/**
 * The process with this pid; undefined for none and for a zombie. Throws the kernel's error when it cannot be read.
 */
export function readProcessIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readUnless(["ENOENT", "ESRCH"], pid, "stat");
  if (stat === undefined) return undefined;
  // The name in field 2 may contain blanks and brackets: count from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTicks = fields[19];
  return fields[0] === "Z" || fields[0] === "X" || startTicks === undefined ? undefined : { pid, startTicks };
}

/** Whether this very process still runs; assumed when the kernel cannot answer (no descriptor, no memory). */
export function isAlive(identity: ProcessIdentity): boolean {
  try {
    return isThere(identity);
  } catch {
    return true;
  }
}

/**
 * Ends a process: SIGTERM, and SIGKILL after a grace period, or at once if it is stopped and would not handle SIGTERM.
 * Already gone is success. Throws when the pid cannot be verified, since it may be another process's.
 */
export async function endProcess(identity: ProcessIdentity, graceMs = 2000): Promise<void> {
  const signals = isStopped(identity) ? (["SIGKILL"] as const) : (["SIGTERM", "SIGKILL"] as const);
  for (const signal of signals) {
    if (!isThere(identity)) return;
    process.kill(identity.pid, signal);
    for (let waited = 0; waited < graceMs && isAlive(identity); waited += 5) await sleep(5);
  }
}

/** A file of /proc/PID; undefined when the process is gone or it is forbidden. */
export function readProcFile(pid: number, name: string): string | undefined {
  return readUnless(["ENOENT", "ESRCH", "EACCES", "EPERM"], pid, name);
}

/** The pids of all visible processes. */
export function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

/** The inode of a process's network namespace; undefined when it is gone or hidden. */
export function namespaceInodeOf(pid: number | "self"): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino;
  } catch {
    return undefined;
  }
}

/** Whether a signal or a debugger stopped it. */
function isStopped({ pid }: ProcessIdentity): boolean {
  return readProcessState(pid)?.toUpperCase() === "T";
}

function isThere({ pid, startTicks }: ProcessIdentity): boolean {
  return readProcessIdentity(pid)?.startTicks === startTicks;
}

function readUnless(errnos: readonly string[], pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (errnos.includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}
