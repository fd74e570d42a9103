/** Bytes of padding the mask takes its nonce from: the ChaCha20 nonce of RFC 8439 section 2.3. */
export const MASK_NONCE_BYTES = 12;

/** Bytes of one ChaCha20 block. */
const BLOCK_BYTES = 64;

/** RFC 8439 section 2.3: "expand 32-byte k". */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

/**
 * The mask of AmneziaWG 3 (headerProtectionKey): the ChaCha20 keystream under the shared key, applied to what follows
 * the padding. The nonce is the first 12 bytes of the padding, the block counter starts at 0. It is not part of the
 * crypto port, because it runs once per transport message, in place, without allocation.
 */
export class HeaderMask {
  /** Constants, key, block counter, nonce: the matrix of section 2.3 before its rounds. */
  readonly #state = new Int32Array(16);
  readonly #block = new Int32Array(16);

  /** The key has 32 bytes; it is copied. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, key.length);
    this.#state.set(CONSTANTS);
    for (let index = 0; index < 8; index += 1) this.#state[4 + index] = view.getInt32(4 * index, true);
  }

  /** The first four keystream bytes as a little-endian word, as they cover a type word, for the nonce at `offset`. */
  firstWord(view: DataView, offset: number): number {
    this.#run(view, offset, 0);
    return (this.#block[0] as number) >>> 0;
  }

  /** The keystream word at `index` (0 to 3: a transport header) of the block that firstWord made last. */
  word(index: 0 | 1 | 2 | 3): number {
    return (this.#block[index] as number) >>> 0;
  }

  /** Applies the mask to `length` bytes at `at`, in place; applying it twice removes it. */
  apply(view: DataView, nonceOffset: number, at: number, length: number): void {
    for (let done = 0; done < length; done += BLOCK_BYTES) {
      this.#run(view, nonceOffset, done / BLOCK_BYTES);
      const left = Math.min(BLOCK_BYTES, length - done);
      const whole = left & ~3;
      for (let byte = 0; byte < whole; byte += 4) {
        const place = at + done + byte;
        view.setInt32(place, view.getInt32(place, true) ^ (this.#block[byte >> 2] as number), true);
      }
      for (let byte = whole; byte < left; byte += 1) {
        const place = at + done + byte;
        view.setUint8(place, view.getUint8(place) ^ ((this.#block[byte >> 2] as number) >>> (8 * (byte & 3))));
      }
    }
  }

  /** Forgets the key. */
  wipe(): void {
    this.#state.fill(0);
    this.#block.fill(0);
  }

  /** One block (RFC 8439 section 2.3) into #block. */
  #run(view: DataView, nonceOffset: number, counter: number): void {
    const start = this.#state;
    const block = this.#block;
    start[12] = counter;
    for (let index = 0; index < 3; index += 1) start[13 + index] = view.getInt32(nonceOffset + 4 * index, true);
    for (let index = 0; index < 16; index += 1) block[index] = start[index] as number;
    for (let round = 0; round < 10; round += 1) {
      quarter(block, 0, 4, 8, 12);
      quarter(block, 1, 5, 9, 13);
      quarter(block, 2, 6, 10, 14);
      quarter(block, 3, 7, 11, 15);
      quarter(block, 0, 5, 10, 15);
      quarter(block, 1, 6, 11, 12);
      quarter(block, 2, 7, 8, 13);
      quarter(block, 3, 4, 9, 14);
    }
    for (let index = 0; index < 16; index += 1) block[index] = (block[index] as number) + (start[index] as number);
  }
}

/** RFC 8439 section 2.1. */
function quarter(words: Int32Array, ia: number, ib: number, ic: number, id: number): void {
  let a = words[ia] as number;
  let b = words[ib] as number;
  let c = words[ic] as number;
  let d = words[id] as number;
  a = (a + b) | 0;
  d = rotate(d ^ a, 16);
  c = (c + d) | 0;
  b = rotate(b ^ c, 12);
  a = (a + b) | 0;
  d = rotate(d ^ a, 8);
  c = (c + d) | 0;
  b = rotate(b ^ c, 7);
  words[ia] = a;
  words[ib] = b;
  words[ic] = c;
  words[id] = d;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
