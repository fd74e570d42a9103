import type { PfToken } from "../../../native/darwin/pf.codec.ts";
import type { FirewallRecord, PfHold } from "./firewall-record.ts";
import type { PfDevice } from "./pf-device.ts";

/** Who is who among processes, as far as references need it. */
export interface Processes {
  readonly self: number;
  isAlive(pid: number): boolean;
}

/** Whether PF runs, and by a reference of ours among others: then no other program's release stops it. */
export function isHeldByUs(device: PfDevice, record: FirewallRecord): boolean {
  return device.isEnabled() && ownToken(device.references(), record.hold()) !== undefined;
}

/**
 * Keeps PF enabled by one reference of ours. Tokens outlive the process that took them: what is written down before one
 * is taken is enough to find it again by the pid if we die in between.
 */
export function hold(device: PfDevice, record: FirewallRecord, processes: Processes): void {
  const known = record.hold();
  const references = device.references();
  const token = ownToken(references, known);
  if (known?.token !== undefined && token !== undefined && device.isEnabled()) return;
  releaseLost(device, references, known, processes);
  record.noteHold({ pid: processes.self });
  record.noteHold({ pid: processes.self, token: device.takeReference() });
}

/** Gives our reference back, once: a number that PF has handed on to somebody else is left alone. */
export function release(device: PfDevice, record: FirewallRecord, processes: Processes): void {
  const known = record.hold();
  const references = device.references();
  const token = known?.token === undefined ? undefined : ownToken(references, known);
  if (token !== undefined) device.releaseReference(token);
  else releaseLost(device, references, known, processes);
  record.noteHold(undefined);
}

/** The token we wrote down, if PF knows it as taken by the process that wrote it down. */
function ownToken(references: readonly PfToken[], known: PfHold | undefined): bigint | undefined {
  return references.find(({ token, pid }) => token === known?.token && pid === known?.pid)?.token;
}

/** A process of ours died between taking a token and writing it down: it is the only one of that pid. */
function releaseLost(
  device: PfDevice,
  references: readonly PfToken[],
  known: PfHold | undefined,
  { self, isAlive }: Processes,
): void {
  if (known === undefined || known.token !== undefined) return;
  if (known.pid !== self && isAlive(known.pid)) return;
  for (const { token, pid } of references) if (pid === known.pid) device.releaseReference(token);
}
