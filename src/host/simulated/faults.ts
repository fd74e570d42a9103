import { AwgError, type ErrorKind } from "../../model/error.ts";

/**
 * The process died: thrown instead of going on, and again at every later call until `SimulatedMachine.restart()`, so
 * that code which catches it still can do nothing. Not an AwgError: nobody may treat it as a failure to handle.
 */
export class CrashError extends Error {
  readonly at: string;

  constructor(at: string) {
    super(`the simulated process died at ${at}`);
    this.name = "CrashError";
    this.at = at;
  }
}

/** Something another program, or the world, does to the machine. */
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

/** What goes wrong at one write. */
export type Fault =
  /** This and the following `times - 1` writes fail without effect. */
  | { readonly kind: "fail"; readonly error: ErrorKind; readonly errno?: string; readonly times: number }
  /** The write happens and its answer is lost: the caller sees a failure. */
  | { readonly kind: "fail-late"; readonly error: ErrorKind }
  /** Answered as if done, without effect; a write to a state file, which nothing could survive, takes its turn unharmed. */
  | { readonly kind: "ignored" }
  | { readonly kind: "crash-before" }
  | { readonly kind: "crash-after" }
  /** Somebody else acts just before the write, which then goes on. */
  | { readonly kind: "foreign"; readonly act: ForeignAct };

/** A fault and the number of the write it waits for, counted from 1 since the schedule was set. */
export interface ScheduledFault {
  readonly at: number;
  readonly fault: Fault;
}

/** The error that a failed write reports: of a call, of what it was about, and with the errno that a kernel gave for it. */
export function faultError(kind: ErrorKind, call: string, subject?: string, errno?: string): AwgError {
  const about = subject === undefined ? "" : ` of ${subject}`;
  const why = errno === undefined ? "" : ` (${errno})`;
  const facts = { call, ...(errno === undefined ? {} : { errno }) };
  return new AwgError(kind, `the simulated machine refused ${call}${about}${why}`, { facts });
}
