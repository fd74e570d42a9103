import type { PfToken } from "../../../native/darwin/pf.codec.ts";
import type { FirewallRecord, PfHold } from "./firewall-record.ts";
import type { PfDevice } from "./pf-device.ts";

/** The process functions that references need. */
export interface Processes {
  readonly self: number;
  isAlive(pid: number): boolean;
}

/** Whether PF is on with a reference of awg, so that no other program's release turns it off. */
export function isHeldByUs(device: PfDevice, record: FirewallRecord): boolean {
  return device.isEnabled() && ownToken(device.references(), record.hold()) !== undefined;
}

/**
 * Keeps PF enabled by one reference of awg. Tokens outlive their process. The pid is recorded before a token is taken, so that
 * the token can be found after a crash in between.
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

/** Returns awg's reference once. A number that PF has meanwhile given to another process is left alone. */
export function release(device: PfDevice, record: FirewallRecord, processes: Processes): void {
  const known = record.hold();
  const references = device.references();
  const token = known?.token === undefined ? undefined : ownToken(references, known);
  if (token !== undefined) device.releaseReference(token);
  else releaseLost(device, references, known, processes);
  record.noteHold(undefined);
}

/** The recorded token, if PF lists it under the process that recorded it. */
function ownToken(references: readonly PfToken[], known: PfHold | undefined): bigint | undefined {
  return references.find(({ token, pid }) => token === known?.token && pid === known?.pid)?.token;
}

/** The token of an awg process that died before it recorded the token: the only one of its pid. */
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
