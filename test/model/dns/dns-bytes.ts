import { encodeQuestion, HEADER_BYTES, type Question } from "../../../src/model/dns/question.ts";

/** A name as labels (RFC 1035 section 3.1). */
export function name(text: string): number[] {
  const labels = text.split(".").flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return [...labels, 0];
}

/** A name that stands elsewhere in the message (RFC 1035 section 4.1.4). */
export function pointer(at: number): number[] {
  return [0xc0 | (at >>> 8), at & 0xff];
}

/** A resource record (RFC 1035 section 4.1.3) that holds for a minute. */
export function record(owner: readonly number[], type: number, data: readonly number[], kind = 1): number[] {
  return [...owner, 0, type, 0, kind, 0, 0, 0, 60, data.length >>> 8, data.length & 0xff, ...data];
}

export interface MessageHead {
  readonly flags?: number;
  readonly questions?: number;
  readonly answers?: number;
}

/** A server's message: the question repeated, and records behind it. Its name may be in any case. */
export function message(question: Question, records: readonly number[][], head: MessageHead = {}): Uint8Array {
  const asked = encodeQuestion(question);
  const bytes = Uint8Array.from([...asked, ...records.flat()]);
  const view = new DataView(bytes.buffer, 0, HEADER_BYTES);
  view.setUint16(2, head.flags ?? 0x8180);
  view.setUint16(4, head.questions ?? 1);
  view.setUint16(6, head.answers ?? records.length);
  return bytes;
}
