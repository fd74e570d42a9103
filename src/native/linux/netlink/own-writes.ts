/** More sockets than this process has open at any time, and events of theirs that are still to be read. */
const MOST_PORTS = 4096;
/** More transactions than a keeper commits for this process before their events are read. */
const MOST_TRANSACTIONS = 256;

/** Requests of one netlink socket as events name them: its port id, and the sequence numbers that they bear. */
export interface SentRequests {
  readonly port: number;
  /** Numbers wrap at 2^32. */
  readonly first: number;
  readonly count: number;
}

const ports = new Set<number>();
/**
 * Where this process begins to count differs from process to process, so that a number says more than the port id, which
 * the kernel gives to the next socket once one is closed.
 */
const own = { first: Math.floor(Math.random() * 2 ** 32), count: 0 };
const transactions: SentRequests[] = [];
/** By name; awg writes a handful of them. */
const settings = new Map<string, string>();

/** Remembers the port id of a netlink socket of this process: what it writes comes back to listeners with that id. */
export function noteOwnPort(port: number): void {
  ports.delete(port);
  ports.add(port);
  const [oldest] = ports;
  if (ports.size > MOST_PORTS && oldest !== undefined) ports.delete(oldest);
}

/** The first of so many sequence numbers, which no other request of this process bears. */
export function takeSequences(count: number): number {
  const first = (own.first + own.count) >>> 0;
  own.count += count;
  return first;
}

/** Remembers one nf_tables transaction that another process (the keeper) committed for this one. */
export function noteOwnTransaction(sent: SentRequests): void {
  transactions.push(sent);
  if (transactions.length > MOST_TRANSACTIONS) transactions.shift();
}

/** Remembers what this process wrote to a kernel setting, of which the kernel tells without saying who wrote. */
export function noteOwnSetting(name: string, value: string): void {
  settings.set(name, value);
}

/** Whether a setting has the value that this process wrote last: whoever wrote it, it is as it was left. */
export function isOwnSetting(name: string, value: string): boolean {
  return settings.get(name) === value;
}

/**
 * Whether the kernel tells of a request of this process, or of one made for it: the header of a multicast message carries
 * port id and sequence of the request that caused it (netlink(7)); port id 0 is the kernel itself. Of a transaction of
 * nf_tables it is the sequence of one of its messages. A keeper's port id alone would not do: it commits for others too,
 * and a write of ours whose event was lost would make the next one of theirs ours.
 */
export function isOwnWrite({ port, sequence }: { readonly port: number; readonly sequence: number }): boolean {
  if (port === 0) return false;
  if (ports.has(port) && isAmong(own, sequence)) return true;
  return transactions.some((sent) => sent.port === port && isAmong(sent, sequence));
}

function isAmong({ first, count }: { readonly first: number; readonly count: number }, sequence: number): boolean {
  return (sequence - first) >>> 0 < count;
}
