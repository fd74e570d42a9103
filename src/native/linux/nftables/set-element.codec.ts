import { AwgError } from "../../../model/error.ts";
import { prefixToBytes } from "../address.codec.ts";
import { attributeList, attributeMap, type MessageWriter, readText, readU32be } from "../attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import type { Verdict } from "./expression.ts";
import { readDataValue, readDataVerdict } from "./expression-decode.codec.ts";
import { writeDataValue, writeDataVerdict } from "./expression-encode.codec.ts";
import { encodeFieldValue, type FieldName, type FieldValue, fieldOf, type TableFamily } from "./field.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE } from "./nft-message.codec.ts";
import { paddedBytes } from "./set.codec.ts";

const NFTA_LIST = { table: 1, set: 2, elements: 3 } as const;
const NFTA_ELEMENT = { key: 1, data: 2, flags: 3, timeout: 4, expiration: 5, keyEnd: 10 } as const;
const LIST_ELEMENT = 1;
const INTERVAL_END = 1;
/** The list is one attribute with a 16-bit length. */
const LIST_BYTES = 60_000;

/** An element: a value, or with `to` an inclusive range. Bytes as in the registers. */
export interface SetElement {
  readonly from: Uint8Array;
  readonly to?: Uint8Array;
  readonly verdict?: Verdict;
  /** Only when encoded: when it expires, instead of the set's default. */
  readonly timeoutMs?: number;
  /** Only when decoded: it has a timeout. */
  readonly expires?: true;
}

/** A range of a field's values; addresses may use a prefix in text instead. */
export interface ValueRange {
  readonly from: FieldValue;
  readonly to: FieldValue;
}

export interface SetIdentity {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  readonly intervals: boolean;
  /** More than one field: ranges use key and key end, not two elements. */
  readonly concatenated: boolean;
}

/**
 * An element from one value per field: `elementOf(["ip.daddr", "th.dport"], ["10.0.0.0/8", 443])`. In a set of ranges
 * every field has both ends, equal for a single value.
 */
export function elementOf(fields: readonly FieldName[], values: readonly (FieldValue | ValueRange)[]): SetElement {
  const parts = fields.map((name, index) => rangeOf(name, values[index] ?? ""));
  if (fields.length === 1) return parts[0] as SetElement;
  const from = new Uint8Array(fields.reduce((sum, name) => sum + paddedBytes(name), 0));
  const to = new Uint8Array(from.length);
  let at = 0;
  for (const [index, name] of fields.entries()) {
    const part = parts[index] as { from: Uint8Array; to: Uint8Array };
    from.set(part.from, at);
    to.set(part.to, at);
    at += paddedBytes(name);
  }
  return { from, to };
}

/**
 * The elements of prefixes in text, all of the field's family. Their bytes are parts of one buffer: lists have tens of
 * thousands of prefixes, and an array of its own for each end takes several times as long to make and to collect.
 */
export function prefixElements(name: "ip.daddr" | "ip6.daddr", prefixes: readonly string[]): SetElement[] {
  const { bytes } = fieldOf(name);
  const buffer = new ArrayBuffer(2 * bytes * prefixes.length);
  return prefixes.map((prefix, index) => {
    const { address, length } = prefixToBytes(prefix);
    if (address.length !== bytes) throw new AwgError("bug", `${prefix} does not fit the nf_tables field ${name}`);
    const from = new Uint8Array(buffer, 2 * bytes * index, bytes);
    const to = new Uint8Array(buffer, 2 * bytes * index + bytes, bytes);
    for (let at = 0; at < bytes; at++) {
      const byte = address[at] as number;
      from[at] = byte;
      to[at] = byte | (0xff >> clampBits(length - 8 * at));
    }
    return { from, to };
  });
}

function rangeOf(name: FieldName, value: FieldValue | ValueRange): { from: Uint8Array; to: Uint8Array } {
  if (typeof value === "object" && "from" in value && !(value instanceof Uint8Array)) {
    return { from: encodeFieldValue(name, value.from), to: encodeFieldValue(name, value.to) };
  }
  const isAddress = fieldOf(name).form === "address4" || fieldOf(name).form === "address6";
  if (isAddress && typeof value === "string") {
    const { address, length } = prefixToBytes(value);
    const last = encodeFieldValue(name, address).map((byte, index) => byte | (0xff >> clampBits(length - 8 * index)));
    return { from: address, to: last };
  }
  const bytes = encodeFieldValue(name, value as FieldValue);
  return { from: bytes, to: bytes };
}

function clampBits(bits: number): number {
  return Math.min(8, Math.max(0, bits));
}

/** Sorts ranges and merges overlapping or adjacent ones, as the kernel requires for intervals of one field. */
export function mergeElements(elements: readonly SetElement[]): SetElement[] {
  const sorted = elements
    .map(({ from, to }) => ({ from, to: to ?? from }))
    .sort((a, b) => compareBytes(a.from, b.from) || compareBytes(a.to, b.to));
  const merged: { from: Uint8Array; to: Uint8Array }[] = [];
  for (const { from, to } of sorted) {
    const last = merged.at(-1);
    const next = last === undefined ? undefined : successor(last.to);
    if (last !== undefined && (next === undefined || compareBytes(from, next) <= 0)) {
      if (compareBytes(to, last.to) > 0) last.to = to;
    } else merged.push({ from, to });
  }
  return merged;
}

/** The messages that add the elements: several when they are many. Ranges of one field are merged first. */
export function encodeElements(set: SetIdentity, elements: readonly SetElement[]): Uint8Array[] {
  return encodeElementMessages(NFT_MESSAGE.newElement, NLM.create, set, elements);
}

/** The messages that delete exactly these elements. */
export function encodeElementDeletion(set: SetIdentity, elements: readonly SetElement[]): Uint8Array[] {
  return encodeElementMessages(NFT_MESSAGE.deleteElement, 0, set, elements);
}

/** The message that empties the set; an empty set stays so. */
export function encodeSetFlush({ family, table, name }: Pick<SetIdentity, "family" | "table" | "name">): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.deleteElement, family, 0, (writer) => {
    writer.attributeText(NFTA_LIST.table, table);
    writer.attributeText(NFTA_LIST.set, name);
  });
}

/** Requests all elements of a set. */
export function encodeElementDump({ family, table, name }: Pick<SetIdentity, "family" | "table" | "name">): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getElement, family, NLM.dump, (writer) => {
    writer.attributeText(NFTA_LIST.table, table);
    writer.attributeText(NFTA_LIST.set, name);
  });
}

/** The elements of one set's NFT_MSG_NEWSETELEM messages, with ranges reassembled and sorted. */
export function decodeElements(set: SetIdentity, messages: readonly NetlinkMessage[]): SetElement[] {
  const raw = messages
    .filter(({ type }) => type === NFT_MESSAGE.newElement)
    .flatMap(({ payload }) =>
      attributeList(attributeMap(payload, NFGEN_BYTES).get(NFTA_LIST.elements) ?? new Uint8Array()),
    )
    .map(decodeElement);
  const sorted = raw.sort((a, b) => compareBytes(a.from, b.from) || Number(b.ends) - Number(a.ends));
  return set.intervals && !set.concatenated ? pairEnds(sorted) : sorted.map(({ ends: _ends, ...element }) => element);
}

/** The table and set to which a message adds elements, or from which it removes some; undefined for every other message. */
export function elementsSetOf({
  type,
  payload,
}: NetlinkMessage): { readonly table: string; readonly set: string } | undefined {
  if (type !== NFT_MESSAGE.newElement && type !== NFT_MESSAGE.deleteElement) return undefined;
  const attributes = attributeMap(payload, NFGEN_BYTES);
  const text = (attribute: number) => {
    const bytes = attributes.get(attribute);
    return bytes === undefined ? "" : readText(bytes);
  };
  return { table: text(NFTA_LIST.table), set: text(NFTA_LIST.set) };
}

type RawElement = SetElement & { readonly ends: boolean };

function decodeElement(bytes: Uint8Array): RawElement {
  const attributes = attributeMap(bytes);
  const [key, end] = [attributes.get(NFTA_ELEMENT.key), attributes.get(NFTA_ELEMENT.keyEnd)];
  const [flags, data] = [attributes.get(NFTA_ELEMENT.flags), attributes.get(NFTA_ELEMENT.data)];
  const to = end === undefined ? undefined : readDataValue(end);
  const verdict = data === undefined ? undefined : readDataVerdict(data);
  return {
    from: (key === undefined ? undefined : readDataValue(key)) ?? new Uint8Array(),
    ends: flags !== undefined && (readU32be(flags) & INTERVAL_END) !== 0,
    ...(to === undefined ? {} : { to }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(attributes.has(NFTA_ELEMENT.expiration) ? { expires: true } : {}),
  };
}

/** A range of one field is an element at its start and an end marker just after it. */
function pairEnds(sorted: readonly RawElement[]): SetElement[] {
  const found: SetElement[] = [];
  for (const [index, { from, ends, verdict }] of sorted.entries()) {
    if (ends) continue;
    const following = sorted.slice(index + 1, index + 2)[0];
    const to = following === undefined ? new Uint8Array(from.length).fill(0xff) : predecessor(following.from);
    found.push({ from, to, ...(verdict === undefined ? {} : { verdict }) });
  }
  return found;
}

function encodeElementMessages(
  type: number,
  flags: number,
  set: SetIdentity,
  elements: readonly SetElement[],
): Uint8Array[] {
  const mergeable = set.intervals && !set.concatenated && elements.every(({ verdict }) => verdict === undefined);
  const items = mergeable ? mergeElements(elements) : elements;
  const width = (items[0]?.from.length ?? 0) * 2 + 64;
  const each = Math.max(1, Math.floor(LIST_BYTES / width / 2));
  const messages: Uint8Array[] = [];
  for (let first = 0; first < items.length; first += each) {
    messages.push(
      encodeNftMessage(type, set.family, flags, (writer) => {
        writer.attributeText(NFTA_LIST.table, set.table);
        writer.attributeText(NFTA_LIST.set, set.name);
        const list = writer.begin(NFTA_LIST.elements);
        for (const element of items.slice(first, first + each)) writeElement(writer, set, element);
        writer.end(list);
      }),
    );
  }
  return messages;
}

function writeElement(
  writer: MessageWriter,
  set: SetIdentity,
  { from, to = from, verdict, timeoutMs }: SetElement,
): void {
  const element = writer.begin(LIST_ELEMENT);
  writeDataValue(writer, NFTA_ELEMENT.key, from);
  if (set.intervals && set.concatenated) writeDataValue(writer, NFTA_ELEMENT.keyEnd, to);
  if (verdict !== undefined) writeDataVerdict(writer, NFTA_ELEMENT.data, verdict);
  if (timeoutMs !== undefined) writer.attributeU64be(NFTA_ELEMENT.timeout, BigInt(timeoutMs));
  writer.end(element);
  const behind = set.intervals && !set.concatenated ? successor(to) : undefined;
  if (behind === undefined) return;
  const end = writer.begin(LIST_ELEMENT);
  writeDataValue(writer, NFTA_ELEMENT.key, behind);
  writer.attributeU32be(NFTA_ELEMENT.flags, INTERVAL_END);
  writer.end(end);
}

/** Orders byte strings as the kernel does. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] as number) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The next number of the same width, big endian; undefined after the last. */
function successor(bytes: Uint8Array): Uint8Array | undefined {
  const next = bytes.slice();
  for (let index = next.length - 1; index >= 0; index--) {
    const byte = next[index] as number;
    next[index] = (byte + 1) & 0xff;
    if (byte !== 0xff) return next;
  }
  return undefined;
}

function predecessor(bytes: Uint8Array): Uint8Array {
  const previous = bytes.slice();
  for (let index = previous.length - 1; index >= 0; index--) {
    const byte = previous[index] as number;
    previous[index] = (byte - 1) & 0xff;
    if (byte !== 0) return previous;
  }
  return previous;
}
