import { AwgError } from "../../model/error.ts";
import { packetTags, textOutsideTags } from "../../uapi/packet-tags.ts";

/** The size of `<t>` and `<c>`: 8 bytes up to the first builds of 2.0, 4 bytes since (amneziawg-go v0.2.16). */
export type TagWidth = 4 | 8;

type Part =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "random"; readonly sizeBytes: number; readonly alphabet: string | undefined }
  | { readonly kind: "time"; readonly sizeBytes: TagWidth }
  | { readonly kind: "counter"; readonly sizeBytes: TagWidth };

/** A packet of the tag language, parsed once; every rendering has the same size. */
export interface PacketTemplate {
  readonly sizeBytes: number;
  /** Random bytes needed for one rendering. */
  readonly randomBytes: number;
  readonly parts: readonly Part[];
}

/** What differs from one rendering to the next. */
export interface TagValues {
  /** Returns that many fresh random bytes. */
  readonly random: (sizeBytes: number) => Uint8Array;
  readonly unixSeconds: number;
  readonly counter: number;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";

/** Largest UDP payload over IPv4: 65535 less the headers of IP and UDP. */
const MAX_DATAGRAM_BYTES = 65507;

/**
 * Parses a packet such as `<b 0xc0ff><r 16><t>`.
 *
 * @throws AwgError("config") for what some released program refuses or crashes on (`<r -1>`), or for an empty packet.
 */
export function parsePacketTemplate(text: string, width: TagWidth): PacketTemplate {
  if (textOutsideTags(text) !== "") throw unreadable("there is text outside < and >");
  const parts = packetTags(text).flatMap(({ name, argument }) => partsOf(name, argument, width));
  const sizeBytes = parts.reduce((sum, part) => sum + sizeOf(part), 0);
  if (sizeBytes === 0) throw unreadable("it has no bytes");
  if (sizeBytes > MAX_DATAGRAM_BYTES) throw unreadable(`it has ${sizeBytes} bytes, but a datagram holds at most 65507`);
  const randomBytes = parts.reduce((sum, part) => sum + (part.kind === "random" ? part.sizeBytes : 0), 0);
  return { sizeBytes, randomBytes, parts };
}

function sizeOf(part: Part): number {
  return part.kind === "bytes" ? part.bytes.length : part.sizeBytes;
}

function partsOf(name: string, argument: string, width: TagWidth): readonly Part[] {
  switch (name) {
    case "b":
      return [{ kind: "bytes", bytes: literalBytes(argument) }];
    case "r":
      return [{ kind: "random", sizeBytes: count(name, argument), alphabet: undefined }];
    case "rc":
      return [{ kind: "random", sizeBytes: count(name, argument), alphabet: LETTERS }];
    case "rd":
      return [{ kind: "random", sizeBytes: count(name, argument), alphabet: DIGITS }];
    case "t":
      return [{ kind: "time", sizeBytes: width }];
    case "c":
      return [{ kind: "counter", sizeBytes: width }];
    // A packet before a handshake has no payload, so its text is empty and its length is 0 (amneziawg-go obf_data*).
    case "d":
    case "ds":
      return [];
    case "dz":
      return [{ kind: "bytes", bytes: new Uint8Array(count(name, argument)) }];
    // Only 1.5: a pause without bytes. Datagrams of one handshake are sent together here, so there is no pause.
    case "wt":
      return [];
    default:
      throw unreadable(`<${name.slice(0, 20)}> is not a tag`);
  }
}

function literalBytes(argument: string): Uint8Array {
  const digits = /^0x((?:[0-9a-fA-F]{2})+)$/.exec(argument)?.[1];
  if (digits === undefined) throw unreadable("<b> needs 0x and an even number of hexadecimal digits");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function count(name: string, argument: string): number {
  if (!/^[0-9]{1,6}$/.test(argument) || Number(argument) === 0)
    throw unreadable(`<${name}> needs a positive number of bytes`);
  return Number(argument);
}

/** The packet's bytes. Each letter and digit comes from one random byte, as in amneziawg-go (obf_randchars.go). */
export function renderPacket(template: PacketTemplate, { random, unixSeconds, counter }: TagValues): Uint8Array {
  const packet = new Uint8Array(template.sizeBytes);
  const view = new DataView(packet.buffer);
  let at = 0;
  for (const part of template.parts) {
    if (part.kind === "bytes") packet.set(part.bytes, at);
    else if (part.kind === "random") packet.set(spell(random(part.sizeBytes), part.alphabet), at);
    else writeNumber(view, at, part.sizeBytes, part.kind === "time" ? unixSeconds : counter);
    at += sizeOf(part);
  }
  return packet;
}

function spell(random: Uint8Array, alphabet: string | undefined): Uint8Array {
  if (alphabet === undefined) return random;
  return random.map((byte) => alphabet.charCodeAt(byte % alphabet.length));
}

/** Big-endian. Seconds are cut to their low 32 bits where the field has 4 bytes. */
function writeNumber(view: DataView, at: number, sizeBytes: TagWidth, value: number): void {
  if (sizeBytes === 8) view.setBigUint64(at, BigInt(Math.floor(value)));
  else view.setUint32(at, Math.floor(value) >>> 0);
}

function unreadable(why: string): AwgError {
  return new AwgError("config", `a packet description cannot be read: ${why}`, {
    remedy: "use tags such as <b 0xc0ff><r 16><t>",
  });
}
