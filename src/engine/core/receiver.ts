import { REJECT_AFTER_TIME } from "../constants.ts";
import { isMac1Valid } from "../cookie/macs.ts";
import type { DeviceCounters } from "../device.ts";
import type { Candidate, WireFormat } from "../wire/wire-format.ts";
import type { Arrival, Core } from "./core.ts";
import { takeCookie, takeResponse } from "./initiator.ts";
import type { PeerState } from "./peer-state.ts";
import { isAdmitted, takeInitiation } from "./responder.ts";
import { takeTransport } from "./transport.ts";

/** What became of one reading: the peer that authenticated, done without one, or why it cannot be meant. */
type Verdict = PeerState | "done" | keyof DeviceCounters;

/**
 * Reads datagrams: every candidate reading in turn, until one authenticates. A datagram that is nothing of ours costs at
 * most one mac for each reading, and leaves nothing behind but a count.
 */
export class Receiver {
  #core: Core;
  #former: { readonly wire: WireFormat; readonly until: number } | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Goes on reading datagrams in a format that `next` replaces, as long as a session of it may live. */
  keepReading(wire: WireFormat, next: WireFormat, now: number): void {
    if (this.#former?.wire !== next) this.forgetFormer();
    this.#former = { wire, until: now + REJECT_AFTER_TIME };
  }

  /** Reads the former format no longer and zeroes its keys. */
  forgetFormer(): void {
    this.#former?.wire.forgetKeys?.();
    this.#former = undefined;
  }

  /** The peer that the datagram came from, when it authenticated; outputs go to the arrival's. */
  take(datagram: Uint8Array, arrival: Arrival): PeerState | undefined {
    let reason: keyof DeviceCounters | undefined;
    for (const wire of this.#wires(arrival.now)) {
      for (const candidate of wire.candidates(datagram)) {
        const verdict = this.#try(wire, candidate, datagram, arrival);
        if (verdict === "done") return undefined;
        if (typeof verdict !== "string") return verdict;
        reason ??= verdict;
      }
    }
    this.#core.counters[reason ?? "unrecognised"] += 1;
    return undefined;
  }

  #wires(now: number): readonly WireFormat[] {
    if (this.#former !== undefined && now >= this.#former.until) this.forgetFormer();
    return this.#former === undefined ? [this.#core.wire] : [this.#core.wire, this.#former.wire];
  }

  #try(wire: WireFormat, candidate: Candidate, datagram: Uint8Array, arrival: Arrival): Verdict {
    const core = this.#core;
    if (candidate.kind === "transport") return takeTransport(core, wire, candidate, datagram, arrival);
    const { kind, message } = candidate;
    if (kind === "cookie") return takeCookie(core, message, datagram.length, arrival.now) ?? "badHandshake";
    if (!isMac1Valid(core.crypto, message, core.ownMac1Key)) return "badHandshake";
    if (!isAdmitted(core, message, arrival)) return "done";
    if (kind === "response") return takeResponse(core, message, datagram.length, arrival) ?? "badHandshake";
    return takeInitiation(core, message, datagram.length, arrival);
  }
}
