import { AwgError } from "../../model/error.ts";
import type { Arena } from "../memory/arena.ffi.ts";
import { nativeFunction, nativeFunctionIfThere } from "../native-function.ffi.ts";

const KEY_BYTES = 32;
export const PACKET_TAG_BYTES = 16;
/** Bytes before the input and the output that a call may overwrite: one block of ChaCha20. */
export const PACKET_LEAD_BYTES = 64;
/** Bytes after the output of a seal that a call may overwrite: Poly1305's padding, lengths, tag. */
export const PACKET_TAIL_BYTES = 48;

/**
 * ChaCha20-Poly1305 without additional data on packets in the arena, under WireGuard's nonce (paper section 5.4.6). All
 * positions are offsets in the arena. Input and output must not overlap. No call allocates.
 */
export interface PacketAead {
  readonly name: string;
  /** Loads the two 32-byte keys of a session and returns their slot; 0 when full. */
  load(sealingKey: Uint8Array, openingKey: Uint8Array): number;
  /** Zeroes the keys. */
  free(slot: number): void;
  /**
   * Seals `length` bytes at `from` to `to`, followed by the tag. Overwrites the lead before `from`, the last 16 bytes
   * of the lead before `to`, and the tail after the output.
   */
  seal(slot: number, counter: number, from: number, length: number, to: number): void;
  /**
   * Opens `length` bytes (without the following tag) at `from` to `to`; false for a wrong tag, with garbage as output.
   * Overwrites the lead before `to`; the input and its surroundings stay unchanged.
   */
  open(slot: number, counter: number, from: number, length: number, to: number): boolean;
}

/** Enough for 5,000 peers with three sessions each; unused pages cost nothing. */
const MAX_SLOTS = 16_384;
/** struct poly1305_context is 248 bytes on x86-64 (include/crypto/poly1305.h); twice that for other builds. */
const POLY1305_BYTES = 512;
const PAIR_BYTES = 2 * KEY_BYTES;

/** A table of key pairs in the arena: pair n is at table + 64 n, sealing key first; pair 0 is never used. */
function keyTable(arena: Arena): { readonly table: number } & Pick<PacketAead, "load" | "free"> {
  const table = arena.reserve(PAIR_BYTES * (MAX_SLOTS + 1));
  const free: number[] = [];
  let used = 0;
  return {
    table,
    load(sealingKey, openingKey) {
      const slot = free.pop() ?? (used < MAX_SLOTS ? ++used : 0);
      if (slot === 0) return 0;
      arena.bytes.set(sealingKey.subarray(0, KEY_BYTES), table + PAIR_BYTES * slot);
      arena.bytes.set(openingKey.subarray(0, KEY_BYTES), table + PAIR_BYTES * slot + KEY_BYTES);
      return slot;
    },
    free(slot) {
      if (slot === 0) return;
      arena.bytes.fill(0, table + PAIR_BYTES * slot, table + PAIR_BYTES * (slot + 1));
      free.push(slot);
    },
  };
}

/**
 * The assembler functions of OpenSSL's ChaCha20-Poly1305. One call of ChaCha20 makes the one-time key (block 0, RFC
 * 8439 section 2.6, from 64 zero bytes before the text) and the text. The symbols are internal: undefined when they are
 * missing; the caller compares the result with another implementation first.
 */
export function createAsmAead(arena: Arena): PacketAead | undefined {
  const chacha = nativeFunctionIfThere(
    "void ChaCha20_ctr32(int64_t out, int64_t in, uint64_t length, int64_t key, int64_t counter)",
  );
  const begin = nativeFunctionIfThere("void Poly1305_Init(int64_t context, int64_t key)");
  const update = nativeFunctionIfThere("void Poly1305_Update(int64_t context, int64_t in, uint64_t length)");
  const end = nativeFunctionIfThere("void Poly1305_Final(int64_t context, int64_t tag)");
  if (!chacha || !begin || !update || !end) return undefined;
  const { view, base } = arena;
  const keys = keyTable(arena);
  const nonce = arena.reserve(16);
  const poly = arena.reserve(POLY1305_BYTES);
  const expected = arena.reserve(16);
  const kept = arena.reserve(PACKET_LEAD_BYTES);
  const cipher = (key: number, counter: number, from: number, length: number, to: number) => {
    for (let at = from - PACKET_LEAD_BYTES; at < from; at += 8) view.setFloat64(at, 0);
    view.setUint32(nonce + 8, counter >>> 0, true);
    view.setUint32(nonce + 12, counter / 4_294_967_296, true);
    const lead = PACKET_LEAD_BYTES;
    chacha(base + to - lead, base + from - lead, length + lead, base + key, base + nonce);
  };
  /**
   * Poly1305 over the text at `at`, zeros up to 16, and the two lengths (RFC 8439 section 2.8), which it writes after
   * it.
   */
  const authenticate = (at: number, length: number, oneTimeKey: number, tag: number) => {
    const padded = (length + 15) & ~15;
    for (let index = at + length; index < at + padded; index += 1) view.setUint8(index, 0);
    view.setFloat64(at + padded, 0);
    view.setUint32(at + padded + 8, length, true);
    view.setUint32(at + padded + 12, 0, true);
    begin(base + poly, base + oneTimeKey);
    update(base + poly, base + at, padded + 16);
    end(base + poly, base + tag);
  };
  return {
    name: "openssl asm",
    load: keys.load,
    free: keys.free,
    seal(slot, counter, from, length, to) {
      // The block before the output is the one-time key; all but its last 16 bytes belong to the previous record.
      arena.bytes.copyWithin(kept, to - PACKET_LEAD_BYTES, to - 16);
      cipher(keys.table + PAIR_BYTES * slot, counter, from, length, to);
      authenticate(to, length, to - PACKET_LEAD_BYTES, to + length);
      arena.bytes.copyWithin(to - PACKET_LEAD_BYTES, kept, kept + PACKET_LEAD_BYTES - 16);
    },
    open(slot, counter, from, length, to) {
      // The header before the text may be read again, and the next datagram starts after the tag.
      const tag = from + length;
      const a = view.getInt32(tag, true);
      const b = view.getInt32(tag + 4, true);
      const c = view.getInt32(tag + 8, true);
      const d = view.getInt32(tag + 12, true);
      const e = view.getInt32(tag + 16, true);
      const f = view.getInt32(tag + 20, true);
      const g = view.getInt32(tag + 24, true);
      const h = view.getInt32(tag + 28, true);
      arena.bytes.copyWithin(kept, from - PACKET_LEAD_BYTES, from);
      cipher(keys.table + PAIR_BYTES * slot + KEY_BYTES, counter, from, length, to);
      authenticate(from, length, to - PACKET_LEAD_BYTES, expected);
      arena.bytes.copyWithin(from - PACKET_LEAD_BYTES, kept, kept + PACKET_LEAD_BYTES);
      view.setInt32(tag, a, true);
      view.setInt32(tag + 4, b, true);
      view.setInt32(tag + 8, c, true);
      view.setInt32(tag + 12, d, true);
      view.setInt32(tag + 16, e, true);
      view.setInt32(tag + 20, f, true);
      view.setInt32(tag + 24, g, true);
      view.setInt32(tag + 28, h, true);
      const difference =
        (a ^ view.getInt32(expected, true)) |
        (b ^ view.getInt32(expected + 4, true)) |
        (c ^ view.getInt32(expected + 8, true)) |
        (d ^ view.getInt32(expected + 12, true));
      return difference === 0;
    },
  };
}

const EVP_PROTOTYPES = {
  fetch: "int64_t EVP_CIPHER_fetch(int64_t library, const char *name, int64_t properties)",
  create: "int64_t EVP_CIPHER_CTX_new()",
  destroy: "void EVP_CIPHER_CTX_free(int64_t context)",
  encrypt: "int EVP_EncryptInit_ex2(int64_t context, int64_t cipher, int64_t key, int64_t iv, int64_t params)",
  decrypt: "int EVP_DecryptInit_ex2(int64_t context, int64_t cipher, int64_t key, int64_t iv, int64_t params)",
  update: "int EVP_CipherUpdate(int64_t context, int64_t out, int64_t length, int64_t in, int inLength)",
  final: "int EVP_CipherFinal_ex(int64_t context, int64_t out, int64_t length)",
  params: "int EVP_CIPHER_CTX_get_params(int64_t context, int64_t params)",
} as const;

/** OSSL_PARAM: key, type (5 = octets), data, size, returned size; 40 bytes each, ended by one of zeros. */
const PARAM_BYTES = 40;
const PARAM_OCTETS = 5;

/** The same by the documented functions (EVP_EncryptInit(3)), with parameter lists that are created once. */
export function createEvpAead(arena: Arena): PacketAead {
  const evp = Object.fromEntries(
    Object.entries(EVP_PROTOTYPES).map(([name, prototype]) => [name, nativeFunction(prototype)]),
  ) as unknown as Readonly<Record<keyof typeof EVP_PROTOTYPES, (...values: unknown[]) => number>>;
  const cipher = Number(evp.fetch(0, "ChaCha20-Poly1305", 0));
  if (cipher === 0) throw new AwgError("unsupported", "the OpenSSL inside node has no ChaCha20-Poly1305");
  const { view, base } = arena;
  const [keyAt, iv, length, tag] = [arena.reserve(32), arena.reserve(16), arena.reserve(8), arena.reserve(16)];
  const params = tagParams(arena, tag);
  const contexts = new Map<number, { readonly seal: number; readonly open: number }>();
  let last = 0;
  const setNonce = (counter: number) => {
    view.setUint32(iv + 4, counter >>> 0, true);
    view.setUint32(iv + 8, counter / 4_294_967_296, true);
  };
  return {
    name: "openssl evp",
    load(sealingKey, openingKey) {
      const made = { seal: Number(evp.create()), open: Number(evp.create()) };
      arena.bytes.set(sealingKey.subarray(0, KEY_BYTES), keyAt);
      evp.encrypt(made.seal, cipher, base + keyAt, 0, 0);
      arena.bytes.set(openingKey.subarray(0, KEY_BYTES), keyAt);
      evp.decrypt(made.open, cipher, base + keyAt, 0, 0);
      arena.bytes.fill(0, keyAt, keyAt + KEY_BYTES);
      last += 1;
      contexts.set(last, made);
      return last;
    },
    free(slot) {
      const gone = contexts.get(slot);
      contexts.delete(slot);
      evp.destroy(gone?.seal ?? 0);
      evp.destroy(gone?.open ?? 0);
    },
    seal(slot, counter, from, bytes, to) {
      const context = contexts.get(slot)?.seal ?? 0;
      setNonce(counter);
      evp.encrypt(context, 0, 0, base + iv, 0);
      if (bytes > 0) evp.update(context, base + to, base + length, base + from, bytes);
      evp.final(context, base + to + bytes, base + length);
      evp.params(context, base + params);
      arena.bytes.copyWithin(to + bytes, tag, tag + PACKET_TAG_BYTES);
    },
    open(slot, counter, from, bytes, to) {
      const context = contexts.get(slot)?.open ?? 0;
      setNonce(counter);
      arena.bytes.copyWithin(tag, from + bytes, from + bytes + PACKET_TAG_BYTES);
      evp.decrypt(context, 0, 0, base + iv, base + params);
      if (bytes > 0) evp.update(context, base + to, base + length, base + from, bytes);
      return evp.final(context, base + to + bytes, base + length) === 1;
    },
  };
}

/** The list {"tag": 16 octets at `tag`}; its offset. */
function tagParams(arena: Arena, tag: number): number {
  const name = arena.reserve(8);
  arena.bytes.set(new TextEncoder().encode("tag\0"), name);
  const params = arena.reserve(2 * PARAM_BYTES);
  arena.view.setBigUint64(params, BigInt(arena.base + name), true);
  arena.view.setUint32(params + 8, PARAM_OCTETS, true);
  arena.view.setBigUint64(params + 16, BigInt(arena.base + tag), true);
  arena.view.setBigUint64(params + 24, BigInt(PACKET_TAG_BYTES), true);
  return params;
}
