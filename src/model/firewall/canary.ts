import type { Family } from "../ip.ts";
import { PROTOCOL } from "./packet.ts";

/** Destination of a packet that every policy drops; awg sends it to test whether the filter acts (S13.15). */
export interface Canary {
  readonly family: Family;
  readonly address: string;
  readonly protocol: number;
  readonly port: number;
}

/** Documentation addresses (RFC 5737, RFC 3849) and the discard port (RFC 863). */
const PORT = 9;
export const CANARIES: readonly Canary[] = [
  { family: 4, address: "192.0.2.251", protocol: PROTOCOL.udp, port: PORT },
  { family: 6, address: "2001:db8::251", protocol: PROTOCOL.udp, port: PORT },
];

/** The result of one canary. */
export interface CanaryFlight {
  /** Whether the kernel accepted the packet without an error. */
  readonly taken: boolean;
  /** Packets that the canary's rule had dropped before it was sent, and after. */
  readonly stoppedBefore: number;
  readonly stoppedAfter: number;
}

/** The message about a packet filter that is on, holds awg's rules and does not act by them. */
export const DISREGARDED = "the packet filter is on and holds awg's rules, but did not stop a packet that they forbid";

/** Its remedy. */
export const DISREGARDED_REMEDY =
  "restart this Mac, then awg doctor; until then take it off the network, or let nothing run that must not be seen";

/**
 * Whether packets pass the filter unjudged: the kernel accepted one, and its rule counted none. A refused packet proves
 * nothing, because it may never have reached the filter; nor does a smaller count, because the rules are new.
 */
export function isDisregarded(flights: readonly CanaryFlight[]): boolean {
  return flights.some(({ taken, stoppedBefore, stoppedAfter }) => taken && stoppedAfter === stoppedBefore);
}
