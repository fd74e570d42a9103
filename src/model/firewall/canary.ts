import type { Family } from "../ip.ts";
import { PROTOCOL } from "./packet.ts";

/** Where a packet goes that every policy forbids, and nobody sends but who tests whether it is stopped. */
export interface Canary {
  readonly family: Family;
  readonly address: string;
  readonly protocol: number;
  readonly port: number;
}

/** Addresses of documentation, which nobody has (RFC 5737, RFC 3849), and the port whose service throws away (RFC 863). */
const PORT = 9;
export const CANARIES: readonly Canary[] = [
  { family: 4, address: "192.0.2.251", protocol: PROTOCOL.udp, port: PORT },
  { family: 6, address: "2001:db8::251", protocol: PROTOCOL.udp, port: PORT },
];

/** What became of one canary. */
export interface CanaryFlight {
  /** Whether the kernel took the packet without an error. */
  readonly taken: boolean;
  /** Packets that the canary's rule had stopped before it was sent, and after. */
  readonly stoppedBefore: number;
  readonly stoppedAfter: number;
}

/** How it is told that a packet filter is on, holds our rules and does not act by them. */
export const DISREGARDED = "the packet filter is on and holds awg's rules, but did not stop a packet that they forbid";

/** What a person can do about it. */
export const DISREGARDED_REMEDY =
  "restart this Mac, then awg doctor; until then take it off the network, or let nothing run that must not be seen";

/**
 * Whether packets pass a filter unjudged: one was taken, and the rule that stops it counted none. A packet that was refused
 * tells nothing, since it may never have come to the filter; nor does a count that fell, since the rules are new.
 */
export function isDisregarded(flights: readonly CanaryFlight[]): boolean {
  return flights.some(({ taken, stoppedBefore, stoppedAfter }) => taken && stoppedAfter === stoppedBefore);
}
