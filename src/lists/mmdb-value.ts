/** Types of the data section (maxmind.github.io/MaxMind-DB, "Output Data Section"). */
const TYPE = { pointer: 1, text: 2, double: 3, bytes: 4, map: 7, array: 11, boolean: 14, float: 15 } as const;
const UNSIGNED: readonly number[] = [5, 6, 9, 10];
const SIGNED = 8;
/** Nesting and total values of one record; a hostile file can link pointers in circles. */
const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;

interface Cursor {
  at: number;
  values: number;
}

/**
 * The value at an offset of a data section: maps, texts, numbers and booleans; bytes are left out as undefined. Pure.
 *
 * @throws RangeError for data that is cut off, too deep or too large
 */
export function decodeMmdbValue(data: Uint8Array, offset: number): unknown {
  return readValue(data, { at: offset, values: 0 }, 0);
}

function readValue(data: Uint8Array, cursor: Cursor, depth: number): unknown {
  cursor.values += 1;
  if (depth > MAX_DEPTH || cursor.values > MAX_VALUES) throw new RangeError("too large");
  const control = byteAt(data, cursor);
  const first = control >> 5;
  if (first === TYPE.pointer) {
    const target: Cursor = { at: pointerOf(data, cursor, control), values: cursor.values };
    const value = readValue(data, target, depth + 1);
    cursor.values = target.values;
    return value;
  }
  const type = first === 0 ? byteAt(data, cursor) + 7 : first;
  const size = type === TYPE.boolean ? control & 0x1f : sizeOf(data, cursor, control & 0x1f);
  if (type === TYPE.map) return readMap(data, cursor, size, depth);
  if (type === TYPE.array) {
    const items: unknown[] = [];
    for (let index = 0; index < size; index += 1) items.push(readValue(data, cursor, depth + 1));
    return items;
  }
  if (type === TYPE.boolean) return size !== 0;
  const bytes = take(data, cursor, size);
  if (type === TYPE.text) return new TextDecoder().decode(bytes);
  if (UNSIGNED.includes(type) || type === SIGNED) return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return undefined;
}

function readMap(data: Uint8Array, cursor: Cursor, size: number, depth: number): ReadonlyMap<string, unknown> | object {
  const entries: [string, unknown][] = [];
  for (let index = 0; index < size; index += 1) {
    const key = readValue(data, cursor, depth + 1);
    if (typeof key !== "string") throw new RangeError("a key is no text");
    entries.push([key, readValue(data, cursor, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function sizeOf(data: Uint8Array, cursor: Cursor, size: number): number {
  if (size < 29) return size;
  const bytes = take(data, cursor, size - 28);
  const base = [29, 285, 65_821][size - 29] ?? 0;
  return base + bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function pointerOf(data: Uint8Array, cursor: Cursor, control: number): number {
  const size = (control >> 3) & 3;
  const bytes = take(data, cursor, size + 1);
  const low = bytes.reduce((sum, byte) => sum * 256 + byte, size === 3 ? 0 : control & 7);
  return low + ([0, 2048, 526_336, 0][size] ?? 0);
}

function byteAt(data: Uint8Array, cursor: Cursor): number {
  return take(data, cursor, 1)[0] ?? 0;
}

function take(data: Uint8Array, cursor: Cursor, size: number): Uint8Array {
  const from = cursor.at;
  if (from < 0 || from + size > data.length) throw new RangeError("cut off");
  cursor.at = from + size;
  return data.subarray(from, cursor.at);
}
