import { ipFromBytes, renderIp } from "../ip.ts";
import { CLASS_INTERNET, HEADER_BYTES, type Question, RECORD } from "./question.ts";

/** The content of a server's reply to a query. */
export type Answer =
  /** Addresses in the server's order; empty if the name has no such record or does not exist. */
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  /** The reply was truncated: repeat the query over TCP (RFC 1035 section 4.2.1). */
  | { readonly kind: "truncated" }
  /** The name is an alias, and its addresses are not in the message. */
  | { readonly kind: "alias"; readonly name: string }
  /** The server failed or refused: query another. */
  | { readonly kind: "failed"; readonly code: number };

const IS_ANSWER = 0x8000;
const OPCODE = 0x7800;
const TRUNCATED = 0x0200;
const CODE = 0x000f;
const NO_SUCH_NAME = 3;
/** Aliases followed within one message, and jumps of one name: more is a loop or an attack. */
export const MOST_ALIASES = 8;
const MOST_JUMPS = 16;
const MOST_RECORDS = 64;
const MAX_NAME_BYTES = 255;

interface Record {
  readonly owner: string;
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

/**
 * Reads a reply to `question`; undefined for anything else: another identifier or question, a query, truncated bytes,
 * looping names. The caller ignores such a message, for the right one may still arrive (RFC 5452 section 9.1). Never
 * throws; its work is bounded by the message's length.
 */
export function readAnswer(message: Uint8Array, question: Question): Answer | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== question.id || (flags & IS_ANSWER) === 0 || (flags & OPCODE) !== 0) return undefined;
  const start = afterQuestion(view, question);
  if (start === undefined) return undefined;
  if ((flags & TRUNCATED) !== 0) return { kind: "truncated" };
  const code = flags & CODE;
  if (code === NO_SUCH_NAME) return { kind: "addresses", addresses: [] };
  if (code !== 0) return { kind: "failed", code };
  const records = readRecords(view, start);
  return records === undefined ? undefined : addressesOf(view, records, question);
}

/** Offset of the answers, if the message repeats exactly our question. */
function afterQuestion(view: DataView, { name, type }: Question): number | undefined {
  if (view.getUint16(4) !== 1) return undefined;
  const asked = readName(view, HEADER_BYTES);
  if (asked === undefined || asked.name !== name || asked.end + 4 > view.byteLength) return undefined;
  const isOurs = view.getUint16(asked.end) === type && view.getUint16(asked.end + 2) === CLASS_INTERNET;
  return isOurs ? asked.end + 4 : undefined;
}

function readRecords(view: DataView, start: number): readonly Record[] | undefined {
  const records: Record[] = [];
  const count = Math.min(view.getUint16(6), MOST_RECORDS);
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const owner = readName(view, at);
    if (owner === undefined || owner.end + 10 > view.byteLength) return undefined;
    const length = view.getUint16(owner.end + 8);
    const data = owner.end + 10;
    if (data + length > view.byteLength) return undefined;
    if (view.getUint16(owner.end + 2) === CLASS_INTERNET)
      records.push({ owner: owner.name, type: view.getUint16(owner.end), at: data, length });
    at = data + length;
  }
  return records;
}

/** Follows aliases from the queried name; records of other names are ignored. */
function addressesOf(view: DataView, records: readonly Record[], question: Question): Answer | undefined {
  let { name } = question;
  for (let aliases = 0; aliases <= MOST_ALIASES; aliases += 1) {
    const addresses = records.flatMap((record) => addressIn(view, record, name, question.type));
    if (addresses.length > 0) return { kind: "addresses", addresses: [...new Set(addresses)] };
    const alias = records.find(({ owner, type }) => owner === name && type === RECORD.cname);
    if (alias === undefined) {
      return name === question.name ? { kind: "addresses", addresses: [] } : { kind: "alias", name };
    }
    const target = readName(view, alias.at);
    if (target === undefined || target.end !== alias.at + alias.length) return undefined;
    name = target.name;
  }
  return undefined;
}

function addressIn(view: DataView, { owner, type, at, length }: Record, name: string, wanted: number): string[] {
  const bytes = wanted === RECORD.a ? 4 : 16;
  if (owner !== name || type !== wanted || length !== bytes) return [];
  const address = ipFromBytes(new Uint8Array(view.buffer, view.byteOffset + at, bytes));
  return address === undefined ? [] : [renderIp(address)];
}

/**
 * A name in lower case and its end in the message (RFC 1035 section 4.1.4). Pointers lead only backwards and jumps are
 * counted, so a message cannot cause an endless loop.
 */
function readName(view: DataView, start: number): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let bytes = 0;
  for (let jumps = 0; at < view.byteLength; ) {
    const length = view.getUint8(at);
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if (length >= 0xc0) {
      if (at + 2 > view.byteLength) return undefined;
      const target = view.getUint16(at) & 0x3fff;
      jumps += 1;
      if (target >= at || jumps > MOST_JUMPS) return undefined;
      end ??= at + 2;
      at = target;
      continue;
    }
    bytes += length + 1;
    // 0x40 and 0x80 are no longer label types (RFC 6891 section 5).
    if (length >= 0x40 || at + 1 + length > view.byteLength || bytes > MAX_NAME_BYTES) return undefined;
    labels.push(readLabel(view, at + 1, length));
    at += 1 + length;
  }
  return undefined;
}

/** Upper-case ASCII letters are the lower-case ones (RFC 4343); a dot within a label is no separator. */
function readLabel(view: DataView, at: number, length: number): string {
  let label = "";
  for (let index = 0; index < length; index += 1) {
    const byte = view.getUint8(at + index);
    label += byte === 0x2e ? "\\." : String.fromCharCode(byte);
  }
  return label.toLowerCase();
}
