import { AwgError, type ErrorKind } from "../../model/error.ts";

/**
 * The process died: thrown at that call, and again at every later call until `SimulatedMachine.restart()`, so that code
 * which catches it still cannot continue. Not an AwgError, so that nothing handles it as a failure.
 */
export class CrashError extends Error {
  readonly at: string;

  constructor(at: string) {
    super(`the simulated process died at ${at}`);
    this.name = "CrashError";
    this.at = at;
  }
}

/** A change by another program or from outside the host. */
export type ForeignAct =
  | { readonly act: "delete-route"; readonly table: number; readonly destination: string }
  | { readonly act: "flush-table"; readonly table: number }
  | { readonly act: "delete-rules"; readonly preference: number }
  | { readonly act: "add-rule"; readonly preference: number; readonly table: number }
  | { readonly act: "add-route"; readonly table: number; readonly destination: string; readonly device: string }
  | { readonly act: "flush-firewall" }
  | { readonly act: "damage-firewall"; readonly what: string }
  | { readonly act: "remove-device"; readonly device: string }
  | { readonly act: "set-link"; readonly device: string; readonly up: boolean }
  | { readonly act: "set-mtu"; readonly device: string; readonly mtuBytes: number }
  | { readonly act: "delete-address"; readonly device: string; readonly address: string }
  | { readonly act: "rewrite-resolver"; readonly text: string }
  | { readonly act: "write-sysctl"; readonly name: string; readonly value: string }
  | { readonly act: "stop-engine"; readonly device: string }
  | { readonly act: "keeper-dies" }
  | { readonly act: "uplink-moves"; readonly device: string; readonly gateway: string };

/** A fault of one write. */
export type Fault =
  /** This and the following `times - 1` writes fail without effect. */
  | { readonly kind: "fail"; readonly error: ErrorKind; readonly errno?: string; readonly times: number }
  /** The write takes effect, but its result is lost: the caller sees a failure. */
  | { readonly kind: "fail-late"; readonly error: ErrorKind }
  /** Reports success without effect. A write to a state file is not affected: nothing could survive that. */
  | { readonly kind: "ignored" }
  | { readonly kind: "crash-before" }
  | { readonly kind: "crash-after" }
  /** Another program acts just before the write, which then continues. */
  | { readonly kind: "foreign"; readonly act: ForeignAct };

/** A fault and the number of its write, counted from 1 since the schedule was set. */
export interface ScheduledFault {
  readonly at: number;
  readonly fault: Fault;
}

/** The error of a failed write: the call, its subject, and the kernel's errno. */
export function faultError(kind: ErrorKind, call: string, subject?: string, errno?: string): AwgError {
  const about = subject === undefined ? "" : ` of ${subject}`;
  const why = errno === undefined ? "" : ` (${errno})`;
  const facts = { call, ...(errno === undefined ? {} : { errno }) };
  return new AwgError(kind, `the simulated host refused ${call}${about}${why}`, { facts });
}
