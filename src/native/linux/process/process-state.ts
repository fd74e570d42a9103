import { readFileSync } from "node:fs";

/**
 * The letter of a process's state: T stopped by a signal, t by a debugger, Z zombie (proc_pid_stat(5)); undefined when
 * it is gone.
 */
export function readProcessState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it may contain blanks and brackets.
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    return undefined;
  }
}
