import { FORMER_FORMAT_READ, REJECT_AFTER_TIME } from "../constants.ts";
import { isMac1Valid } from "../cookie/macs.ts";
import type { DeviceCounters } from "../device.ts";
import type { Candidate, TransportHeader, TransportWire, WireFormat } from "../wire/wire-format.ts";
import type { Arrival, Core } from "./core.ts";
import { takeCookie, takeResponse } from "./initiator.ts";
import type { PeerState } from "./peer-state.ts";
import { isAdmitted, takeInitiation } from "./responder.ts";
import { takeTransport } from "./transport.ts";

type TransportCandidate = Extract<Candidate, { kind: "transport" }>;

/** The result of one interpretation: the peer that authenticated, done without a peer, or why it does not apply. */
type Verdict = PeerState | "done" | keyof DeviceCounters;

/**
 * Reads datagrams: tries every interpretation until one authenticates. A foreign datagram costs at most one mac per
 * interpretation, and only increments a counter.
 */
export class Receiver {
  #core: Core;
  #former: { readonly wire: WireFormat; readonly replacedAt: number } | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Keeps reading and sending a replaced format while a session with it may live. */
  keepReading(wire: WireFormat, next: WireFormat, now: number): void {
    if (this.#former?.wire !== next) this.forgetFormer(next);
    this.#former = { wire, replacedAt: now };
  }

  /** Stops using the former format and zeroes its keys. */
  forgetFormer(next = this.#core.wire): void {
    if (this.#former === undefined) return;
    this.#stopSending(this.#former.wire, next);
    this.#former.wire.forgetKeys?.();
    this.#former = undefined;
  }

  #stopSending(wire: WireFormat, next: WireFormat): void {
    for (const peer of this.#core.peers.values()) {
      if (peer.reads === wire) peer.reads = next;
      if (peer.answersIn === wire) peer.answersIn = next;
    }
  }

  /** Whether a format reads the datagram as something other than transport. */
  isHandshake(datagram: Uint8Array): boolean {
    const isOne = (wire: WireFormat) => wire.candidates(datagram).some(({ kind }) => kind !== "transport");
    return isOne(this.#core.wire) || (this.#former !== undefined && isOne(this.#former.wire));
  }

  /** The peer that sent the datagram, if it authenticated; outputs go to the arrival's. */
  take(datagram: Uint8Array, surroundings: Omit<Arrival, "wire" | "provesFormat">): PeerState | undefined {
    let reason: keyof DeviceCounters | undefined;
    for (const wire of this.#wires(surroundings.now)) {
      for (const candidate of wire.candidates(datagram)) {
        const arrival = { ...surroundings, wire, provesFormat: this.#provesFormat(wire, candidate, datagram) };
        const verdict = this.#try(candidate, datagram, arrival);
        if (verdict === "done") return undefined;
        if (typeof verdict !== "string") return verdict;
        reason ??= verdict;
      }
    }
    this.#core.counters[reason ?? "unrecognised"] += 1;
    return undefined;
  }

  /** Formats may differ in one kind of message, or in a range only; what both can produce proves nothing. */
  #provesFormat(wire: WireFormat, candidate: Candidate, datagram: Uint8Array): boolean {
    if (this.#former === undefined) return true;
    if (wire !== this.#core.wire) return false;
    const { wire: former } = this.#former;
    if (candidate.kind === "transport") return !isReadAs(former.transport, candidate, datagram);
    return !former.candidates(datagram).some(({ kind }) => kind === candidate.kind);
  }

  #wires(now: number): readonly WireFormat[] {
    if (this.#former === undefined) return [this.#core.wire];
    const { wire, replacedAt } = this.#former;
    if (now >= replacedAt + REJECT_AFTER_TIME) this.#stopSending(wire, this.#core.wire);
    if (now < replacedAt + FORMER_FORMAT_READ) return [this.#core.wire, wire];
    this.forgetFormer();
    return [this.#core.wire];
  }

  #try(candidate: Candidate, datagram: Uint8Array, arrival: Arrival): Verdict {
    const core = this.#core;
    if (candidate.kind === "transport") return takeTransport(core, candidate, datagram, arrival);
    const { kind, message } = candidate;
    if (kind === "cookie") return takeCookie(core, message, datagram.length, arrival.now) ?? "badHandshake";
    if (!isMac1Valid(core.crypto, message, core.ownMac1Key)) return "badHandshake";
    core.counters.handshakes += 1;
    if (!isAdmitted(core, kind, message, datagram.length, arrival)) return "done";
    if (kind === "response") return takeResponse(core, message, datagram.length, arrival) ?? "badHandshake";
    return takeInitiation(core, message, datagram.length, arrival);
  }
}

/** Whether the format reads the datagram as this message; random bytes may look like a message without a session. */
function isReadAs(transport: TransportWire, { receiver, counter }: TransportCandidate, datagram: Uint8Array): boolean {
  const header: TransportHeader = { receiver: 0, counter: 0 };
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const isRead = transport.read(view, 0, datagram.length, header);
  return isRead && header.receiver === receiver && header.counter === counter;
}
