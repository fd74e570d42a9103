import { AwgError } from "../../../model/error.ts";
import { readU32 } from "../attribute.codec.ts";
import { errnoError, errnoName } from "../errno.ts";
import { callLibc, callLibcAsync, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import {
  acknowledgementError,
  decodeAcknowledgement,
  decodeMessages,
  messageFlags,
  type NetlinkMessage,
  NLM,
  NLMSG,
  stampMessage,
} from "./message.codec.ts";
import {
  bindNetlink,
  ensureSendBuffer,
  joinNetlinkGroup,
  makeNetlinkDescriptor,
  receiveBufferBytes,
  setNetlinkOptions,
} from "./netlink-options.ffi.ts";
import { noteOwnPort, takeSequences } from "./own-writes.ts";
import { packMessages } from "./pack-messages.ts";

const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const POLLIN = 1;

/** Dump datagrams have at most 32 KiB; other replies may be larger. */
const RECEIVE_BYTES = 256 * 1024;
const BATCH_BYTES = 64 * 1024;
/** Receive buffer space of one error reply, including header and kernel overhead. */
const REFUSAL_BYTES = 2048;
const ANSWER_SECONDS = 30;
const DUMP_ATTEMPTS = 20;

/** Netlink protocols awg speaks. */
export const NETLINK_PROTOCOL = { route: 0, netfilter: 12 } as const;

/** Multicast messages since the last call. `overrun`: events were lost; dump everything again. */
export interface DrainedEvents {
  readonly messages: readonly NetlinkMessage[];
  readonly overrun: boolean;
}

/**
 * A synchronous netlink socket: each call sends and waits for the kernel's reply. `action` starts with a verb ("adding
 * route 10.0.0.0/8 to table 51820") and begins the message of an error.
 */
export interface NetlinkSocket extends Disposable {
  readonly fd: number;
  /** The port id of this socket, which nf_tables records as the owner of a table. */
  readonly port: number;
  /** Sends one request and returns the reply's messages; none for a request that only changes something. */
  request(message: Uint8Array, action: string): NetlinkMessage[];
  /** Sends a request with NLM_F_DUMP and returns all messages of the reply, from one consistent state. */
  dump(message: Uint8Array, action: string): NetlinkMessage[];
  /**
   * The same, with the kernel's first reply prepared on a thread of the pool. Until then the socket must not be used.
   */
  dumpAsync(message: Uint8Array, action: string): Promise<NetlinkMessage[]>;
  /**
   * Sends many independent requests, many per datagram, and returns undefined or an error for each. A refused request
   * does not stop later ones. `action(i)` names the i-th.
   */
  batch(messages: readonly Uint8Array[], action: (index: number) => string): (AwgError | undefined)[];
  /** Sends bytes as one datagram, for protocols with their own transactions. */
  send(bytes: Uint8Array, action: string): void;
  /** Returns the next datagram's messages; waits at most 30 s. */
  receive(action: string): NetlinkMessage[];
  /** The sequence number for the next request; `count` are taken. */
  nextSequence(count?: number): number;
  /** Joins multicast groups (RTNLGRP_*, NFNLGRP_*). Such a socket is for `drain` only. */
  subscribe(groups: readonly number[]): void;
  /** Returns the multicast messages so far, without waiting. */
  drain(): DrainedEvents;
  /** Waits on a thread of the pool until data arrives or the time is over; true: data is there. */
  waitReadable(timeoutMs: number): Promise<boolean>;
}

/**
 * Opens a netlink socket with extended ACKs, strict checks of dump requests, and a receive buffer of 8 MiB where the
 * kernel allows it (the default of 208 KiB loses events after 256 unread messages).
 *
 * @throws AwgError("permission" | "host") when the kernel refuses.
 */
export function openNetlinkSocket(protocol: number): NetlinkSocket {
  const fd = makeNetlinkDescriptor(protocol);
  try {
    setNetlinkOptions(fd, ANSWER_SECONDS);
    return new Socket(fd, bindNetlink(fd));
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** One buffer serves all sockets of the thread: calls are synchronous, and data is copied out at once. */
let buffer: Uint8Array | undefined;

class Socket implements NetlinkSocket {
  readonly fd: number;
  readonly port: number;
  readonly #sender = new Uint8Array(12);
  readonly #senderLength = Uint8Array.of(12, 0, 0, 0);
  #closed = false;

  constructor(fd: number, port: number) {
    this.fd = fd;
    this.port = port;
    noteOwnPort(port);
  }

  request(message: Uint8Array, action: string): NetlinkMessage[] {
    const sequence = this.nextSequence();
    stampMessage(message, 0, messageFlags(message) | NLM.request | NLM.ack, sequence);
    this.send(message, action);
    const answers: NetlinkMessage[] = [];
    while (true) {
      for (const answer of this.receive(action)) {
        if (answer.sequence !== sequence) continue;
        if (answer.type !== NLMSG.error && answer.type !== NLMSG.done) {
          answers.push(answer);
          continue;
        }
        const said = decodeAcknowledgement(answer);
        if (said.errno !== 0) throw acknowledgementError(action, said);
        return answers;
      }
    }
  }

  dump(message: Uint8Array, action: string): NetlinkMessage[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const whole = this.#dumpOnce(message, action);
      if (whole !== undefined) return whole;
    }
    throw new AwgError("host", `${action} failed: it changed during each of ${DUMP_ATTEMPTS} attempts`, {
      remedy: "try again when the host is less busy",
    });
  }

  async dumpAsync(message: Uint8Array, action: string): Promise<NetlinkMessage[]> {
    const sequence = this.#stampDump(message);
    const sent = await callLibcAsync("sendto", this.fd, message, message.length, 0, null, 0);
    return (sent === -1 ? undefined : this.#receiveDump(sequence, action)) ?? this.dump(message, action);
  }

  #stampDump(message: Uint8Array): number {
    const sequence = this.nextSequence();
    stampMessage(message, 0, messageFlags(message) | NLM.request | NLM.dump, sequence);
    return sequence;
  }

  #dumpOnce(message: Uint8Array, action: string): NetlinkMessage[] | undefined {
    const sequence = this.#stampDump(message);
    this.send(message, action);
    return this.#receiveDump(sequence, action);
  }

  /** One attempt; undefined when the state changed meanwhile, or messages were lost. */
  #receiveDump(sequence: number, action: string): NetlinkMessage[] | undefined {
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    while (true) {
      for (const answer of this.receive(action)) {
        if (answer.sequence !== sequence) continue;
        if ((answer.flags & NLM.dumpInterrupted) !== 0) interrupted = true;
        if (answer.type === NLMSG.done || answer.type === NLMSG.error) {
          const said = decodeAcknowledgement(answer);
          if (errnoName(said.errno) === "EINTR") return undefined;
          if (said.errno !== 0) throw acknowledgementError(action, said);
          return interrupted ? undefined : answers;
        }
        answers.push(answer);
      }
    }
  }

  batch(messages: readonly Uint8Array[], action: (index: number) => string): (AwgError | undefined)[] {
    const results: (AwgError | undefined)[] = new Array(messages.length).fill(undefined);
    const most = Math.max(1, Math.floor(receiveBufferBytes(this.fd) / REFUSAL_BYTES));
    const packet = new Uint8Array(BATCH_BYTES);
    let first = 0;
    while (first < messages.length) {
      const { end, bytes } = packMessages(messages, first, most, packet);
      this.#sendPack(bytes, { messages, first, end, results, action });
      first = end;
    }
    return results;
  }

  /** Sends messages[first, end) as one datagram. Only the last requests a reply; errors arrive without a request. */
  #sendPack(bytes: Uint8Array, { messages, first, end, results, action }: Pack): void {
    const start = this.nextSequence(end - first);
    let at = 0;
    for (let index = first; index < end; index++) {
      const message = messages[index] as Uint8Array;
      const flags = (messageFlags(message) & ~NLM.ack) | NLM.request | (index === end - 1 ? NLM.ack : 0);
      stampMessage(bytes, at, flags, (start + index - first) >>> 0);
      at += message.length;
    }
    this.send(bytes, action(first));
    while (true) {
      for (const answer of this.receive(action(first))) {
        const index = first + ((answer.sequence - start) >>> 0);
        if (answer.type !== NLMSG.error || index >= end) continue;
        const said = decodeAcknowledgement(answer);
        if (said.errno !== 0) results[index] = acknowledgementError(action(index), said);
        if (index === end - 1) return;
      }
    }
  }

  send(bytes: Uint8Array, action: string): void {
    ensureSendBuffer(this.fd, bytes.length);
    while (callLibc("sendto", this.fd, bytes, bytes.length, 0, null, 0) === -1) {
      const errno = lastErrno();
      if (errnoName(errno) === "EINTR") continue;
      throw errnoError(action, errno, { facts: { bytes: bytes.length } });
    }
  }

  receive(action: string): NetlinkMessage[] {
    while (true) {
      const received = this.#receiveDatagram(0);
      if (received instanceof Uint8Array) return decodeMessages(received);
      if (received === "foreign" || received === "EINTR") continue;
      if (received === "EAGAIN") {
        throw new AwgError("host", `${action} failed: the kernel did not answer within ${ANSWER_SECONDS} s`);
      }
      throw new AwgError("host", `${action} failed: the kernel's answer was lost (${received})`, {
        facts: { errno: received },
      });
    }
  }

  nextSequence(count = 1): number {
    return takeSequences(count);
  }

  subscribe(groups: readonly number[]): void {
    for (const group of groups) joinNetlinkGroup(this.fd, group);
  }

  drain(): DrainedEvents {
    const messages: NetlinkMessage[] = [];
    let overrun = false;
    while (true) {
      const received = this.#receiveDatagram(MSG_DONTWAIT);
      if (received instanceof Uint8Array) messages.push(...decodeMessages(received));
      else if (received === "ENOBUFS") overrun = true;
      else if (received !== "foreign" && received !== "EINTR") return { messages, overrun };
    }
  }

  async waitReadable(timeoutMs: number): Promise<boolean> {
    const waiting = new Uint8Array(8);
    const view = new DataView(waiting.buffer);
    view.setInt32(0, this.fd, true);
    view.setInt16(4, POLLIN, true);
    return (await callLibcAsync("poll", waiting, 1, timeoutMs)) > 0;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.fd);
  }

  /** One datagram as a copy, or the name of the error; "foreign" when it is not from the kernel. */
  #receiveDatagram(flags: number): Uint8Array | string {
    const { fd } = this;
    buffer ??= new Uint8Array(RECEIVE_BYTES);
    const got = callLibc("recvfrom", fd, buffer, buffer.length, flags | MSG_TRUNC, this.#sender, this.#senderLength);
    if (got === -1) return errnoName(lastErrno());
    if (readU32(this.#sender, 4) !== 0) return "foreign";
    return got > buffer.length ? "EMSGSIZE" : buffer.slice(0, got);
  }
}

interface Pack {
  readonly messages: readonly Uint8Array[];
  readonly first: number;
  readonly end: number;
  readonly results: (AwgError | undefined)[];
  readonly action: (index: number) => string;
}
