import type { SeededSources } from "../support/sources.ts";
import { keystream } from "./reference-crypto.ts";

export const INITIATION = 1;
export const RESPONSE = 2;
export const COOKIE = 3;
export const TRANSPORT = 4;
export type Kind = typeof INITIATION | typeof RESPONSE | typeof COOKIE | typeof TRANSPORT;
type Range = readonly [low: number, high: number];

/** How a released program disguises its messages; the defects that other ends have to live with are named. */
export interface Format {
  /** How it tells messages apart: by a table of sizes (to v0.2.15), or the first fit of size and word. */
  readonly reads: "table" | "first-fit";
  /** S1 to S4. */
  readonly padding: readonly [number, number, number, number];
  /** H1 to H4. */
  readonly words: readonly [Range, Range, Range, Range];
  readonly mask?: Uint8Array;
  readonly trailers?: boolean;
  readonly contentPadding?: Range;
  /** Jc, Jmin, Jmax. */
  readonly junk?: readonly [count: number, least: number, most: number];
  /** amneziawg-go v0.2.13 to v0.2.17: no S4 in front of keepalives. */
  readonly bareKeepalives?: boolean;
  /** Kernel module 3.0: cookie replies are not masked. */
  readonly bareCookies?: boolean;
}

interface Reading {
  readonly kind: Kind;
  readonly message: Buffer;
}

const BASE_BYTES = { [INITIATION]: 148, [RESPONSE]: 92, [COOKIE]: 64, [TRANSPORT]: 32 } as const;
const KINDS = [INITIATION, RESPONSE, COOKIE, TRANSPORT] as const;
const HEADER_BYTES = 16;
const NONCE_BYTES = 12;
const TRAILER_WINDOW = 500;

export class Disguise {
  readonly format: Format;
  readonly #random: SeededSources;
  #window = TRAILER_WINDOW;

  constructor(format: Format, random: SeededSources) {
    this.format = format;
    this.#random = random;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    this.#random.fillRandom(bytes);
    return bytes;
  }

  between([low, high]: Range): number {
    return low + this.#random.below(high - low + 1);
  }

  /** A new type word for a message. */
  word(kind: Kind): Buffer {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(this.between(this.#wordsOf(kind)));
    return word;
  }

  junk(): Buffer[] {
    const [count, least, most] = this.format.junk ?? [0, 0, 0];
    return Array.from({ length: count }, () => this.bytes(this.between([least, most])));
  }

  /** Zero bytes behind an inner packet of this length. */
  contentPadding(bytes: number, mtu: number): number {
    const room = Math.max(0, mtu - bytes);
    const { contentPadding, trailers } = this.format;
    if (contentPadding !== undefined) return Math.min(this.between(contentPadding), room);
    if (trailers !== true) return Math.min(-bytes & 15, room);
    const left = Math.min(this.#window - this.#paddingOf(TRANSPORT) - BASE_BYTES[TRANSPORT] - bytes - 1, room);
    return left > 0 ? this.between([0, left]) : 0;
  }

  /** The datagram of a message whose macs or seal are done. */
  wrap(kind: Kind, message: Buffer): Buffer {
    const isBare =
      kind === TRANSPORT && message.length === BASE_BYTES[TRANSPORT] && this.format.bareKeepalives === true;
    const padding = this.bytes(isBare ? 0 : this.#paddingOf(kind));
    const isMasked = this.format.mask !== undefined && !(kind === COOKIE && this.format.bareCookies === true);
    const shown = isMasked ? this.#masked(padding, message, kind) : message;
    const whole = Buffer.concat([padding, shown]);
    if (kind === TRANSPORT) this.#window = Math.max(this.#window, whole.length);
    const room = this.#window - whole.length - 1;
    if (this.format.trailers !== true || kind === TRANSPORT || room < 0) return whole;
    return Buffer.concat([whole, this.bytes(this.between([0, room]))]);
  }

  /** What a datagram is taken for; undefined is junk. As in the released programs a wrong guess is not revised. */
  read(datagram: Uint8Array): Reading | undefined {
    if (datagram.length < BASE_BYTES[TRANSPORT]) return undefined;
    const bytes = Buffer.from(datagram);
    const { mask, reads } = this.format;
    const stream = mask === undefined ? undefined : keystream(mask, bytes.subarray(0, NONCE_BYTES), 4);
    const fits = KINDS.filter((kind) => this.#fitsSize(kind, bytes.length));
    const tried = reads === "table" ? tableOrder(fits, this.#sizesEqual(bytes.length)) : fits;
    const kind = tried.find((one) => this.#hasWord(one, bytes, stream));
    if (kind === undefined) return undefined;
    const start = this.#paddingOf(kind);
    const message = bytes.subarray(start, kind === TRANSPORT ? undefined : start + BASE_BYTES[kind]);
    if (kind === TRANSPORT) this.#window = Math.max(this.#window, bytes.length);
    return { kind, message: mask === undefined ? message : this.#masked(bytes, message, kind) };
  }

  #sizesEqual(size: number): Kind | undefined {
    return KINDS.find((kind) => size === this.#paddingOf(kind) + BASE_BYTES[kind]);
  }

  #fitsSize(kind: Kind, size: number): boolean {
    const least = this.#paddingOf(kind) + BASE_BYTES[kind];
    return kind === TRANSPORT || this.format.trailers === true ? size >= least : size === least;
  }

  #hasWord(kind: Kind, bytes: Buffer, stream: Buffer | undefined): boolean {
    const shown = bytes.readUInt32LE(this.#paddingOf(kind));
    const word = (shown ^ (stream?.readUInt32LE(0) ?? 0)) >>> 0;
    const [low, high] = this.#wordsOf(kind);
    return low <= word && word <= high;
  }

  /** Masked or unmasked: handshake messages whole, of transport messages the header. */
  #masked(padding: Buffer, message: Buffer, kind: Kind): Buffer {
    const length = kind === TRANSPORT ? HEADER_BYTES : message.length;
    const stream = keystream(this.format.mask ?? Buffer.alloc(32), padding.subarray(0, NONCE_BYTES), length);
    return Buffer.from(message.map((byte, at) => byte ^ (stream[at] ?? 0)));
  }

  #paddingOf(kind: Kind): number {
    return this.format.padding[kind - 1] ?? 0;
  }

  #wordsOf(kind: Kind): Range {
    return this.format.words[kind - 1] ?? [kind, kind];
  }
}

/** Only the kind of exactly this size is tried before transport. */
function tableOrder(fits: readonly Kind[], exact: Kind | undefined): readonly Kind[] {
  return fits.filter((kind) => kind === TRANSPORT || kind === exact);
}
