/** More sockets than this process ever has open, or has unread events of. */
const MOST_PORTS = 4096;
/** More transactions than a keeper commits for this process before it reads their events. */
const MOST_TRANSACTIONS = 256;

/** Requests of one netlink socket, as events identify them: its port id, and their sequence numbers. */
export interface SentRequests {
  readonly port: number;
  /** Numbers wrap at 2^32. */
  readonly first: number;
  readonly count: number;
}

const ports = new Set<number>();
/**
 * Sequence numbers start at a random value: the kernel reuses port ids of closed sockets, so a port id alone does not
 * identify this process.
 */
const own = { first: Math.floor(Math.random() * 2 ** 32), count: 0 };
const transactions: SentRequests[] = [];
/** By name; awg writes only a few of them. */
const settings = new Map<string, string>();

/** Records the port id of a netlink socket of this process: listeners receive its writes with that id. */
export function noteOwnPort(port: number): void {
  ports.delete(port);
  ports.add(port);
  const [oldest] = ports;
  if (ports.size > MOST_PORTS && oldest !== undefined) ports.delete(oldest);
}

/** Reserves sequence numbers that no other request of this process has, and returns the first. */
export function takeSequences(count: number): number {
  const first = (own.first + own.count) >>> 0;
  own.count += count;
  return first;
}

/** Records an nf_tables transaction that another process (the keeper) committed for this one. */
export function noteOwnTransaction(sent: SentRequests): void {
  transactions.push(sent);
  if (transactions.length > MOST_TRANSACTIONS) transactions.shift();
}

/** Records a value that this process wrote to a kernel setting: its events do not name the writer. */
export function noteOwnSetting(name: string, value: string): void {
  settings.set(name, value);
}

/** Whether a setting has the value that this process wrote last, whoever wrote it now. */
export function isOwnSetting(name: string, value: string): boolean {
  return settings.get(name) === value;
}

/**
 * Whether an event is caused by a request of this process, or one made for it. Multicast messages have the port id and
 * sequence of their request (netlink(7)), or of one message of an nf_tables transaction; port id 0 is the kernel. A
 * keeper's port id alone is not enough, since it commits for others too.
 */
export function isOwnWrite({ port, sequence }: { readonly port: number; readonly sequence: number }): boolean {
  if (port === 0) return false;
  if (ports.has(port) && isAmong(own, sequence)) return true;
  return transactions.some((sent) => sent.port === port && isAmong(sent, sequence));
}

function isAmong({ first, count }: { readonly first: number; readonly count: number }, sequence: number): boolean {
  return (sequence - first) >>> 0 < count;
}
