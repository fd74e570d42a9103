/** Queues that send packets of a higher priority first: kinds of tc(8), the radio's own, and fq since Linux 6.8. */
const SORTING: readonly string[] = ["pfifo_fast", "prio", "fq", "wifi"];

/** Whether a device's queue sorts packets by their priority. */
export function sortsByPriority(queue: string): boolean {
  return SORTING.includes(queue);
}
