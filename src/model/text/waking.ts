/** How to resume or end a process that a signal stopped during a change, for a remedy. Pure. */
export function wakingOf(pid: number): string {
  return `resume it with kill -CONT ${pid}, or end it with kill -KILL ${pid}: awg revert then undoes its changes`;
}
