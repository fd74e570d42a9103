import { MESSAGE_BYTES, type MessageKind } from "../wire/wire-format.ts";
import type { AmneziaParameters } from "./parameters.ts";

/** The order in which released receivers try kinds of messages (amneziawg-go from v0.2.16, kernel module from 2.0). */
const ORDER: readonly MessageKind[] = ["initiation", "response", "cookie", "transport"];

/** One reading that comes before others: its size, and where its word is. */
interface Reading {
  readonly at: number;
  readonly bytes: number;
  readonly low: number;
  readonly high: number;
}

/**
 * How released receivers read a datagram: as the first kind whose size and type word fit, before any mac is checked. A
 * datagram that happens to fit an earlier kind is lost (amneziawg-go issue 186), so a sender must not send such.
 */
export class FirstFit {
  readonly #readings: readonly Reading[];
  readonly #hasTrailers: boolean;

  constructor({ paddingBytes, headers, hasRandomTrailers }: AmneziaParameters) {
    this.#hasTrailers = hasRandomTrailers;
    this.#readings = (["initiation", "response", "cookie"] as const).map((kind) => ({
      at: paddingBytes[kind],
      bytes: paddingBytes[kind] + MESSAGE_BYTES[kind],
      low: headers[kind][0],
      high: headers[kind][1],
    }));
  }

  /**
   * Whether the `length` bytes at `offset`, a message of this kind, fit an earlier one. `maskWord`: the first word of the
   * mask, which a receiver removes at every place where it looks; 0 without a mask. Allocates nothing.
   */
  isMisread(kind: MessageKind, view: DataView, offset: number, length: number, maskWord: number): boolean {
    const before = ORDER.indexOf(kind);
    for (let index = 0; index < before; index += 1) {
      const { at, bytes, low, high } = this.#readings[index] as Reading;
      if (this.#hasTrailers ? length < bytes : length !== bytes) continue;
      const word = (view.getUint32(offset + at, true) ^ maskWord) >>> 0;
      if (word >= low && word <= high) return true;
    }
    return false;
  }
}
