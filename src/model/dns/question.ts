/** Record types that awg queries or follows (RFC 1035 section 3.2.2, RFC 3596 section 2.1). */
export const RECORD = { a: 1, cname: 5, aaaa: 28 } as const;

export type AddressRecord = typeof RECORD.a | typeof RECORD.aaaa;

/** One name and one type. The identifier is 16 random bits of the caller. */
export interface Question {
  readonly id: number;
  /** Lower case, without the dot at its end. */
  readonly name: string;
  readonly type: AddressRecord;
}

/** Bytes of the header of a message (RFC 1035 section 4.1.1). */
export const HEADER_BYTES = 12;
export const CLASS_INTERNET = 1;

const RECURSION_DESIRED = 0x0100;
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 253;

/** A name in canonical form: lower case, no trailing dot; undefined if it cannot be queried. */
export function canonicalName(name: string): string | undefined {
  const canonical = name.toLowerCase().replace(/\.$/, "");
  const labels = canonical.split(".");
  // Host names and service prefixes; anything else would need escaping.
  const isName = labels.every((label) => /^[a-z0-9_-]+$/.test(label) && label.length <= MAX_LABEL_BYTES);
  return isName && canonical.length <= MAX_NAME_BYTES ? canonical : undefined;
}

/** Whether it is a name of the local link, for multicast DNS (RFC 6762 section 3), which awg does not query. */
export function isMulticastName(name: string): boolean {
  return /\.local\.?$/i.test(name);
}

/** What to do about a name that does not resolve: the beginning of a sentence in small letters. */
export function unresolvedRemedy(name: string): string {
  return isMulticastName(name)
    ? "use its address, since awg does not query mDNS"
    : "check spelling, network and dns.bootstrap";
}

/** The bytes of a recursive query (RFC 1035 section 4.1). `name` is canonical. */
export function encodeQuestion({ id, name, type }: Question): Uint8Array {
  const labels = name.split(".");
  const message = new Uint8Array(HEADER_BYTES + name.length + 2 + 4);
  const view = new DataView(message.buffer);
  view.setUint16(0, id);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  let at = HEADER_BYTES;
  for (const label of labels) {
    message[at] = label.length;
    for (let index = 0; index < label.length; index += 1) message[at + 1 + index] = label.charCodeAt(index);
    at += 1 + label.length;
  }
  view.setUint16(at + 1, type);
  view.setUint16(at + 3, CLASS_INTERNET);
  return message;
}
