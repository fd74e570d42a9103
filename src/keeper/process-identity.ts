import { readdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that cannot be confused with a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and its start. */
  readonly startTicks: string;
}

/** Who has this pid now; undefined when nobody, or a zombie, has. */
export function readProcessIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readProcFile(pid, "stat");
  if (stat === undefined) return undefined;
  // The name in field 2 may hold blanks and brackets: count from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTicks = fields[19];
  return fields[0] === "Z" || fields[0] === "X" || startTicks === undefined ? undefined : { pid, startTicks };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return readProcessIdentity(identity.pid)?.startTicks === identity.startTicks;
}

/** Ends a process: SIGTERM, and SIGKILL if it is still there after a grace. One that is gone is success. */
export async function endProcess(identity: ProcessIdentity, graceMs = 2000): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!isAlive(identity)) return;
    process.kill(identity.pid, signal);
    for (let waited = 0; waited < graceMs && isAlive(identity); waited += 5) await sleep(5);
  }
}

/** A file of /proc/PID; undefined when the process is gone. */
export function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** The pids of all processes this one can see. */
export function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

/** The inode that names the network namespace of a process; undefined when it is gone or hidden. */
export function namespaceInodeOf(pid: number | "self"): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino;
  } catch {
    return undefined;
  }
}
