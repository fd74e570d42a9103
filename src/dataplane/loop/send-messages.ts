import type { Endpoint } from "../../engine/endpoint.ts";
import { writeSocketAddress } from "../../native/linux/packet-io/socket-address.codec.ts";
import type { Arena } from "../../native/memory/arena.ffi.ts";
import { controlLength, controlStart, prepareControl, writeSegment, writeSource } from "./message-control.ts";
import { CONTROL_BYTES, MESSAGE_BYTES, NAME_BYTES, VECTOR_BYTES, writePointer } from "./worker-resources.ts";

/**
 * Messages for sendmmsg(2) in native memory: each has an address, one piece of the arena, its segment size and its
 * source address. Nothing here allocates.
 */
export class SendMessages {
  readonly #arena: Arena;
  readonly #headers: number;
  readonly #vectors: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #sourceBytes: Int32Array;

  constructor(arena: Arena, count: number) {
    this.#arena = arena;
    this.#headers = arena.reserve(count * MESSAGE_BYTES);
    this.#vectors = arena.reserve(count * VECTOR_BYTES);
    this.#names = arena.reserve(count * NAME_BYTES);
    this.#controls = arena.reserve(count * CONTROL_BYTES);
    this.#sourceBytes = new Int32Array(count);
    for (let index = 0; index < count; index += 1) {
      const header = this.#headers + index * MESSAGE_BYTES;
      writePointer(arena, header, this.#names + index * NAME_BYTES);
      writePointer(arena, header + 16, this.#vectors + index * VECTOR_BYTES);
      arena.view.setUint32(header + 24, 1, true);
      prepareControl(arena.view, this.#controls + index * CONTROL_BYTES);
    }
  }

  /** The native address of the message. */
  addressOf(index: number): number {
    return this.#arena.base + this.#headers + index * MESSAGE_BYTES;
  }

  /**
   * Sets one datagram of `bytes` at `at`. `source`: an address of ours, 4 or 16 bytes; undefined: the kernel's choice.
   */
  begin(index: number, to: Endpoint, at: number, bytes: number, source: Uint8Array | undefined): void {
    const { view } = this.#arena;
    const control = this.#controls + index * CONTROL_BYTES;
    const nameBytes = writeSocketAddress(view, this.#names + index * NAME_BYTES, to);
    view.setUint32(this.#headers + index * MESSAGE_BYTES + 8, nameBytes, true);
    this.#sourceBytes[index] = source?.length ?? 0;
    if (source !== undefined) writeSource(view, control, source);
    writeSegment(view, control, bytes);
    this.setCut(index, false);
    this.setPiece(index, at, bytes);
  }

  /** Sets its data: `bytes` at `at` of the arena. */
  setPiece(index: number, at: number, bytes: number): void {
    writePointer(this.#arena, this.#vectors + index * VECTOR_BYTES, at);
    this.setBytes(index, bytes);
  }

  /** Sets the length of its data. */
  setBytes(index: number, bytes: number): void {
    this.#arena.view.setUint32(this.#vectors + index * VECTOR_BYTES + 8, bytes, true);
  }

  /** Sets whether it is segmented into datagrams of the first one's size. */
  setCut(index: number, isCut: boolean): void {
    const header = this.#headers + index * MESSAGE_BYTES;
    const control = this.#controls + index * CONTROL_BYTES + controlStart(isCut);
    writePointer(this.#arena, header + 32, control);
    this.#arena.view.setUint32(header + 40, controlLength(isCut, this.#sourceBytes[index] as number), true);
  }

  /** Whether it is sent from a given address. */
  hasSource(index: number): boolean {
    return this.#sourceBytes[index] !== 0;
  }

  /** Removes the source address: the kernel chooses. */
  dropSource(index: number, isCut: boolean): void {
    this.#sourceBytes[index] = 0;
    this.setCut(index, isCut);
  }
}
