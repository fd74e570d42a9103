/** CFBinaryPList: "bplist00", objects, a table of their offsets, a trailer of 32 bytes (CoreFoundation, CFBinaryPList.c). */
const MAGIC = "bplist00";
const TRAILER_BYTES = 32;
const OBJECT = { ascii: 0x5, utf16: 0x6, dictionary: 0xd } as const;
/** Marks an object with a length that does not fit its first byte. */
const LONG = 0xf;
/** Identifiers are shorter; limits the time for any list. */
const MOST_CHARACTERS = 4096;

interface List {
  readonly view: DataView;
  readonly offsetBytes: number;
  readonly referenceBytes: number;
  readonly objects: number;
  readonly tableAt: number;
}

/**
 * The text of a key in the outermost dictionary of a binary property list; undefined where it is missing, or the list
 * is invalid. Reads only that dictionary, which limits the time.
 */
export function readBinaryPropertyText(bytes: Uint8Array, key: string): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < MAGIC.length + TRAILER_BYTES || ascii(view, 0, MAGIC.length) !== MAGIC) return undefined;
  try {
    const list = trailerOf(view);
    return list === undefined ? undefined : textUnder(list, key);
  } catch (error) {
    // DataView throws this for offsets past the end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function trailerOf(view: DataView): (List & { readonly top: number }) | undefined {
  const at = view.byteLength - TRAILER_BYTES;
  const [offsetBytes, referenceBytes] = [view.getUint8(at + 6), view.getUint8(at + 7)];
  const [objects, top, tableAt] = [8, 16, 24].map((field) => Number(view.getBigUint64(at + field))) as [
    number,
    number,
    number,
  ];
  const isSized = [offsetBytes, referenceBytes].every((size) => size >= 1 && size <= 8);
  if (!isSized || objects < 1 || tableAt + objects * offsetBytes > at) return undefined;
  return { view, offsetBytes, referenceBytes, objects, tableAt, top };
}

function textUnder(list: List & { readonly top: number }, key: string): string | undefined {
  const { view, referenceBytes } = list;
  const dictionary = headOf(list, list.top);
  if (dictionary?.kind !== OBJECT.dictionary) return undefined;
  const { at, length } = dictionary;
  for (let index = 0; index < length; index += 1) {
    const name = headOf(list, unsigned(view, at + index * referenceBytes, referenceBytes));
    if (name?.length !== key.length || textAt(list, name) !== key) continue;
    return textOf(list, unsigned(view, at + (length + index) * referenceBytes, referenceBytes));
  }
  return undefined;
}

/** The kind of an object, its number of elements, and their offset. */
interface Head {
  readonly kind: number;
  readonly at: number;
  readonly length: number;
}

function headOf(list: List, object: number): Head | undefined {
  if (object >= list.objects) return undefined;
  const { view } = list;
  const at = unsigned(view, list.tableAt + object * list.offsetBytes, list.offsetBytes);
  const marker = view.getUint8(at);
  const [kind, length] = [marker >> 4, marker & 0xf];
  if (length !== LONG) return { kind, at: at + 1, length };
  // An integer object follows: 0x1n with 2 to the n bytes.
  const size = 2 ** (view.getUint8(at + 1) & 0xf);
  if (view.getUint8(at + 1) >> 4 !== 0x1 || size > 8) return undefined;
  return { kind, at: at + 2 + size, length: unsigned(view, at + 2, size) };
}

function textOf(list: List, object: number): string | undefined {
  const head = headOf(list, object);
  return head === undefined ? undefined : textAt(list, head);
}

function textAt({ view }: List, { kind, at, length }: Head): string | undefined {
  if (length > MOST_CHARACTERS) return undefined;
  if (kind === OBJECT.ascii) return ascii(view, at, length);
  if (kind !== OBJECT.utf16) return undefined;
  return String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint16(at + 2 * index)));
}

function ascii(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint8(at + index)));
}

/** An unsigned number of 1 to 8 bytes in network order. */
function unsigned(view: DataView, at: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index += 1) value = value * 256 + view.getUint8(at + index);
  return value;
}
