import type { NameDimension, NumberDimension } from "../../space/packet-fields.ts";

/** The value of a register, as far as the earlier expressions define it. */
export type RegisterValue = PlainValue | JoinedValue;

/** A constant or a field. */
export type PlainValue =
  /** Bytes of a header field: `bytes` of them from `offset`, each through `& mask ^ xor`. */
  | {
      readonly kind: "number";
      readonly dimension: NumberDimension | "mark";
      /** Bytes of the whole field. */
      readonly width: number;
      readonly offset: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
      /** The least significant byte comes first, as in host byte order on little-endian CPUs. */
      readonly reversed: boolean;
    }
  /** A field with few values, each with its bytes. */
  | {
      readonly kind: "named";
      readonly dimension: NameDimension;
      readonly bytesOf: (name: string) => Uint8Array;
      /** If set, names distinguish only this value. For any other name the exact value is unknown. */
      readonly only?: Uint8Array;
    }
  | { readonly kind: "constant"; readonly bytes: Uint8Array }
  /** An unknown value. `what` names it in messages. */
  | { readonly kind: "opaque"; readonly what: string };

/** Adjacent fields in one load. nft merges two adjacent matches into one comparison, for example both ports. */
export interface JoinedValue {
  readonly kind: "joined";
  readonly parts: readonly JoinedPart[];
}

/** A field and its number of register bytes. */
export interface JoinedPart {
  readonly value: PlainValue;
  readonly bytes: number;
}

/** Length of a value in bytes; undefined if it is unknown. */
export function bytesOf(value: RegisterValue): number | undefined {
  switch (value.kind) {
    case "number":
      return value.mask.length;
    case "constant":
      return value.bytes.length;
    case "named":
      return value.bytesOf("").length;
    case "joined":
      return value.parts.reduce((sum, { bytes }) => sum + bytes, 0);
    case "opaque":
      return undefined;
  }
}

/** A register that holds all bytes of a number. */
export function wholeNumber(dimension: NumberDimension | "mark", width: number, reversed = false): PlainValue {
  const [mask, xor] = [new Uint8Array(width).fill(255), new Uint8Array(width)];
  return { kind: "number", dimension, width, offset: 0, mask, xor, reversed };
}

/** The value is a whole, unchanged field. */
export function isWholeNumber({ width, mask, xor }: Extract<PlainValue, { kind: "number" }>): boolean {
  return mask.length === width && mask.every((byte) => byte === 255) && xor.every((byte) => byte === 0);
}

/** A slice of a field. */
export function partOfNumber(dimension: NumberDimension, width: number, offset: number, length: number): PlainValue {
  const [mask, xor] = [new Uint8Array(length).fill(255), new Uint8Array(length)];
  return { kind: "number", dimension, width, offset, mask, xor, reversed: false };
}

/** The value after `& mask ^ xor`. */
export function maskValue(value: RegisterValue, mask: Uint8Array, xor: Uint8Array): RegisterValue {
  if (value.kind !== "joined") return maskPlain(value, mask, xor);
  if (bytesOf(value) !== mask.length) return { kind: "opaque", what: "a mask of another length than its fields" };
  let at = 0;
  const parts = value.parts.map(({ value: part, bytes }) => {
    const [from, to] = [at, at + bytes];
    at = to;
    return { value: maskPlain(part, mask.subarray(from, to), xor.subarray(from, to)), bytes };
  });
  return { kind: "joined", parts };
}

function maskPlain(value: PlainValue, mask: Uint8Array, xor: Uint8Array): PlainValue {
  switch (value.kind) {
    case "number":
      if (mask.length !== value.mask.length) return { kind: "opaque", what: "a mask of another length than its field" };
      return {
        ...value,
        mask: value.mask.map((byte, index) => byte & (mask[index] ?? 0)),
        xor: maskBytes(value.xor, mask, xor),
      };
    case "named": {
      const { bytesOf, only } = value;
      if (only !== undefined) return { kind: "opaque", what: "some bits of a value that has no names" };
      return { ...value, bytesOf: (name) => maskBytes(bytesOf(name).slice(0, mask.length), mask, xor) };
    }
    case "constant":
      return { kind: "constant", bytes: maskBytes(value.bytes.slice(0, mask.length), mask, xor) };
    case "opaque":
      // Bits that the mask clears need not be known.
      return mask.every((byte) => byte === 0) ? { kind: "constant", bytes: xor.slice() } : value;
  }
}

/** The value in reverse byte order. */
export function turnValue(value: RegisterValue, size: number, length: number): RegisterValue {
  if (value.kind === "opaque") return value;
  if (value.kind === "joined" || size !== length) {
    return { kind: "opaque", what: "the byte order of several numbers at once" };
  }
  if (value.kind === "named") {
    const { bytesOf, only } = value;
    const turned = only === undefined ? {} : { only: only.slice(0, size).reverse() };
    return { ...value, ...turned, bytesOf: (name) => bytesOf(name).slice(0, size).reverse() };
  }
  if (value.kind === "constant") return { kind: "constant", bytes: value.bytes.slice(0, size).reverse() };
  if (value.mask.length !== size) return { kind: "opaque", what: "the byte order of a part of a field" };
  return { ...value, reversed: !value.reversed, mask: value.mask.toReversed(), xor: value.xor.toReversed() };
}

function maskBytes(bytes: Uint8Array, mask: Uint8Array, xor: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (byte & (mask[index] ?? 0)) ^ (xor[index] ?? 0));
}

/** Registers 1–4 have 16 bytes each. Registers 8–23 are the same bytes in units of four. */
export function slotOf(register: number): number {
  return register < 8 ? 4 * (register - 1) : register - 8;
}

/** A 32-bit number as the kernel holds it in a register. Both supported architectures are little-endian. */
export function nativeEndianBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}
