import { constant } from "./abi.ts";
import type { CallLog } from "./accepted.ts";
import type { FakeMachine } from "./machine.ts";

/** The program that calls: its pid and whether it is root. */
export interface FakeCaller {
  readonly pid: number;
  uid: number;
  /** For a job of launchd: how many sockets it opened for each key of its plist. */
  readonly sockets?: Readonly<Record<string, number>>;
}

/** What stands behind a file descriptor. A call that a kind does not have is unfaithful. */
export interface Descriptor {
  readonly kind: string;
  nonblocking: boolean;
  closeOnExec: boolean;
  read?(buffer: Uint8Array): number | Failure;
  write?(bytes: Uint8Array): number | Failure;
  connect?(address: Uint8Array): number | Failure;
  ioctl?(request: number, argument: Uint8Array): number | Failure;
  ioctlPointing?(request: number, argument: Uint8Array, pointed: Uint8Array): number | Failure;
  getsockopt?(level: number, name: number, buffer: Uint8Array): { readonly length: number } | Failure;
  setsockopt?(level: number, name: number, value: Uint8Array): number | Failure;
  getpeername?(buffer: Uint8Array): { readonly length: number } | Failure;
  /** Takes changes and gives events, 32 bytes each; the number of events is the answer. */
  kevent?(changes: Uint8Array, events: Uint8Array, timeoutMs: number): number | Failure;
  close(): void;
}

/** What a descriptor stands on. */
export interface Kernel {
  readonly machine: FakeMachine;
  readonly caller: FakeCaller;
  readonly log: CallLog;
}

/** A call that failed with an errno, by its name in the headers. */
export interface Failure {
  readonly failed: string;
}

export function fail(name: string): Failure {
  constant(name);
  return { failed: name };
}
