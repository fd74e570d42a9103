/** More sockets than this process has open at any time, and events of theirs that are still to be read. */
const MOST_PORTS = 4096;

const ports = new Set<number>();
const transactions = new Map<number, number>();

/** Remembers the port id of a netlink socket of this process: what it writes comes back to listeners with that id. */
export function noteOwnPort(port: number): void {
  ports.delete(port);
  ports.add(port);
  const [oldest] = ports;
  if (ports.size > MOST_PORTS && oldest !== undefined) ports.delete(oldest);
}

/**
 * Whether the kernel tells of a request of this process: the header of a multicast message carries port id and sequence
 * of the request that caused it (netlink(7)); 0 is the kernel itself.
 */
export function isOwnPort(port: number): boolean {
  return port !== 0 && ports.has(port);
}

/** Remembers that this process asked another one (the keeper) to commit one nf_tables transaction for it. */
export function noteOwnTransaction(pid: number): void {
  transactions.set(pid, (transactions.get(pid) ?? 0) + 1);
}

/**
 * Whether a new generation of the ruleset, raised by this process, is one it asked for; each transaction counts once, so
 * that another client's by the same keeper is not taken for ours.
 */
export function takeOwnTransaction(pid: number): boolean {
  if (pid === process.pid) return true;
  const left = transactions.get(pid) ?? 0;
  if (left > 1) transactions.set(pid, left - 1);
  else transactions.delete(pid);
  return left > 0;
}
