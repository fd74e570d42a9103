import { type AbiStruct, abiConstants, abiTable } from "../../../facts/darwin/abi-table.ts";

/** Bytes of the struct, by the headers. */
export function sizeOf(struct: string): number {
  return structOf(struct).size;
}

/** A constant of the headers. Throws for a name that the table does not have. */
export function constant(name: string): number {
  const value = abiConstants[name];
  if (value === undefined) throw new Error(`the ABI table has no constant ${name}`);
  return value;
}

/** The request number of an ioctl, unsigned. */
export function ioctlNumber(name: string): number {
  const value = abiTable.ioctls[name];
  if (value === undefined) throw new Error(`the ABI table has no ioctl ${name}`);
  return value;
}

/** The name of an ioctl's request number. */
export function ioctlName(request: number): string | undefined {
  return Object.entries(abiTable.ioctls).find(([, number]) => number === request)?.[0];
}

/** Bytes of an ioctl's argument: the parameter length that the request number itself carries. */
export function ioctlSize(request: number): number {
  return (request >>> 16) & 0x1fff;
}

/** One struct laid over bytes at an offset: fields are read and written where the table puts them, little-endian. */
export class StructView {
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #struct: string;

  constructor(struct: string, bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
    this.#struct = struct;
  }

  get(field: string): number {
    const [offset, size] = this.#place(field);
    let value = 0;
    for (let index = size - 1; index >= 0; index -= 1) value = value * 256 + (this.#bytes[offset + index] ?? 0);
    return value;
  }

  getBig(field: string): bigint {
    const [offset, size] = this.#place(field);
    let value = 0n;
    for (let index = size - 1; index >= 0; index -= 1) value = value * 256n + BigInt(this.#bytes[offset + index] ?? 0);
    return value;
  }

  set(field: string, value: number | bigint): void {
    const [offset, size] = this.#place(field);
    let rest = BigInt.asUintN(size * 8, BigInt(value));
    for (let index = 0; index < size; index += 1) {
      this.#bytes[offset + index] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  /** The field's bytes, in place. */
  bytes(field: string): Uint8Array {
    const [offset, size] = this.#place(field);
    return this.#bytes.subarray(offset, offset + size);
  }

  /** A C string of the field: up to the first NUL. */
  text(field: string): string {
    const bytes = this.bytes(field);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  setText(field: string, text: string): void {
    this.bytes(field).set(new TextEncoder().encode(text));
  }

  #place(field: string): readonly [number, number] {
    const place = structOf(this.#struct).fields[field];
    if (place === undefined) throw new Error(`the ABI table has no ${this.#struct}.${field}`);
    return [this.#at + place[0], place[1]];
  }
}

function structOf(name: string): AbiStruct {
  const struct = abiTable.structs[name];
  if (struct === undefined) throw new Error(`the ABI table has no struct ${name}`);
  return struct;
}
