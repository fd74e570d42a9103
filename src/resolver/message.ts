import { isDeepStrictEqual } from "node:util";
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Packet, RECURSION_DESIRED } from "dns-packet";

/** The question of a program. */
export interface AskedQuestion {
  readonly id: number;
  /** Lower case, without the dot at its end. */
  readonly name: string;
  readonly type: string;
  /** The program reads answers of more than 512 bytes over UDP (EDNS, RFC 6891). */
  readonly mostBytes: number;
}

export const RCODE = { formatError: 1, serverFailure: 2, notImplemented: 4, refused: 5 } as const;

/** Bytes of an answer over UDP to a program that states no size (RFC 1035 section 4.2.1). */
const PLAIN_BYTES = 512;
const MOST_UDP_BYTES = 1232;
const IS_ANSWER = 0x8000;
const TRUNCATED = 0x0200;
const RECURSION_AVAILABLE = 0x0080;
const CODE = 0x000f;
const HEADER_BYTES = 12;
const PADDED_BYTES = 128;

/** Reads a query; undefined for what is no query at all, a code for one that is refused. Never throws. */
export function readQuery(
  bytes: Uint8Array,
): AskedQuestion | { readonly id: number; readonly refusal: number } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const [id, flags] = [view.getUint16(0), view.getUint16(2)];
  if ((flags & IS_ANSWER) !== 0) return undefined;
  if (((flags >> 11) & 0xf) !== 0) return { id, refusal: RCODE.notImplemented };
  const packet = decoded(bytes);
  const [question, ...others] = packet?.questions ?? [];
  if (question === undefined || others.length > 0 || question.name.includes("..") || (question.class ?? "IN") !== "IN")
    return { id, refusal: RCODE.formatError };
  const edns = packet?.additionals?.find((one) => one.type === "OPT") as { udpPayloadSize?: number } | undefined;
  const mostBytes = Math.max(PLAIN_BYTES, Math.min(edns?.udpPayloadSize ?? PLAIN_BYTES, MOST_UDP_BYTES));
  return { id, name: question.name.toLowerCase().replace(/\.$/, ""), type: question.type, mostBytes };
}

/** The query that is sent to a server; padded where only its length can be seen (RFC 8467 section 4.1). */
export function encodeQuery(
  id: number,
  { name, type }: Pick<AskedQuestion, "name" | "type">,
  { isPadded = false }: { readonly isPadded?: boolean } = {},
): Uint8Array {
  const withOptions = (options: readonly object[]): Uint8Array =>
    encode({
      type: "query",
      id,
      flags: RECURSION_DESIRED,
      questions: [{ name, type: type as "A" }],
      additionals: [{ type: "OPT", name: ".", udpPayloadSize: MOST_UDP_BYTES, flags: 0, options } as never],
    });
  if (!isPadded) return withOptions([]);
  const { length } = withOptions([{ code: "PADDING", length: 0 }]);
  return withOptions([{ code: "PADDING", length: (PADDED_BYTES - (length % PADDED_BYTES)) % PADDED_BYTES }]);
}

/** A server's reply. */
export interface ServerReply {
  readonly code: number;
  readonly truncated: boolean;
  readonly records: readonly Answer[];
  readonly authorities: readonly Answer[];
}

/**
 * Reads the reply to exactly this query; undefined for anything else, because the right one may still arrive (RFC 5452
 * section 9.1). Never throws.
 */
export function readReply(
  bytes: Uint8Array,
  id: number,
  { name, type }: Pick<AskedQuestion, "name" | "type">,
): ServerReply | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = viewOf(bytes).getUint16(2);
  if (viewOf(bytes).getUint16(0) !== id || (flags & IS_ANSWER) === 0) return undefined;
  const packet = decoded(bytes);
  const [question] = packet?.questions ?? [];
  if (packet === undefined || question?.type !== type || question.name.toLowerCase().replace(/\.$/, "") !== name)
    return undefined;
  const { answers = [], authorities = [] } = packet;
  return { code: flags & CODE, truncated: (flags & TRUNCATED) !== 0, records: answers, authorities };
}

/**
 * The reply to a program: these records with the lifetime that is left.
 *
 * @throws RangeError for records that a program would read as others than the resolver did, such as a name with an empty label
 */
export function encodeReply(
  question: AskedQuestion,
  { code, records, authorities }: Omit<ServerReply, "truncated">,
  mostBytes = question.mostBytes,
): Uint8Array {
  const packet: Packet = {
    type: "response",
    id: question.id,
    flags: (RECURSION_DESIRED | RECURSION_AVAILABLE | code) & ~AUTHORITATIVE_ANSWER,
    questions: [{ name: question.name, type: question.type as "A" }],
  };
  const whole = encode({ ...packet, answers: [...records], authorities: [...authorities] });
  const read = decode(whole);
  if (!isDeepStrictEqual([read.answers, read.authorities].map(plainly), [records, authorities].map(plainly)))
    throw new RangeError("the records cannot be written as they were read");
  if (whole.length <= mostBytes) return whole;
  return encode({ ...packet, flags: (packet.flags ?? 0) | TRUNCATED });
}

/** The reply that refuses a query that could not be read. */
export function encodeRefusal(id: number, code: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, id);
  view.setUint16(2, IS_ANSWER | RECURSION_AVAILABLE | code);
  return bytes;
}

/** Without the fields that only a decoder adds. */
function plainly(records: readonly Answer[] = []): unknown {
  return records.map((record) => {
    const { class: _class, flush: _flush, ...rest } = record as Answer & { class?: unknown; flush?: unknown };
    return rest;
  });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decoded(bytes: Uint8Array): Packet | undefined {
  try {
    return decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
}
