/** What wakes or ends a process that a signal stopped while it changes the machine, for a remedy. Pure. */
export function wakingOf(pid: number): string {
  return `wake it with kill -CONT ${pid}, or end it with kill -KILL ${pid}: awg revert then undoes what it had begun`;
}
