import { readFileSync } from "node:fs";

/**
 * The letter of a process's state: T where a signal stopped it, t where a debugger did, Z where it has ended and nobody waited
 * for it (proc_pid_stat(5)); undefined for one that is gone.
 */
export function readProcessState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it may hold blanks and brackets.
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    return undefined;
  }
}
