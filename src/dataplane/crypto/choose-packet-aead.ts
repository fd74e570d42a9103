import type { Crypto } from "../../engine/crypto/crypto.ts";
import { NOBLE_CRYPTO } from "../../engine/crypto/noble.ts";
import type { Arena } from "../../native/memory/arena.ffi.ts";
import {
  createAsmAead,
  createEvpAead,
  PACKET_LEAD_BYTES,
  PACKET_TAG_BYTES,
  PACKET_TAIL_BYTES,
  type PacketAead,
} from "../../native/openssl/packet-aead.ffi.ts";

const NO_BYTES = new Uint8Array(0);

/** Implementations of the packet AEAD, fastest first. */
export const AEAD_MAKERS = [createAsmAead, createEvpAead] as const;

/**
 * The fastest available AEAD that agrees with @noble on known input; otherwise the engine's own cryptography, which
 * copies each packet.
 */
export function choosePacketAead(
  arena: Arena,
  crypto: Crypto,
  makers: readonly ((arena: Arena) => PacketAead | undefined)[] = AEAD_MAKERS,
): PacketAead {
  for (const make of makers) {
    try {
      const made = make(arena);
      if (made !== undefined && agreesWithNoble(made, arena)) return made;
    } catch {
      // This build of node lacks the functions; try the next.
    }
  }
  return createPortAead(arena, crypto);
}

/** Lengths around the block sizes of ChaCha, Poly1305 and OpenSSL's vector code. */
const PROBE_LENGTHS = [0, 1, 15, 16, 17, 48, 63, 64, 65, 127, 128, 191, 192, 255, 256, 257, 511, 512, 513, 1023, 1420];
const PROBE_ROOM = 2048;

/** Whether sealing and opening give @noble's results, write only where they may, and refuse every wrong tag. */
export function agreesWithNoble(aead: PacketAead, arena: Arena): boolean {
  const area = arena.reserve(3 * PROBE_ROOM);
  const [from, sealed, opened] = [area + 128, area + PROBE_ROOM + 128, area + 2 * PROBE_ROOM + 128];
  const key = Uint8Array.from({ length: 32 }, (_, index) => (index * 37 + 11) & 0xff);
  const slot = aead.load(key, key);
  const { bytes } = arena;
  const fits = PROBE_LENGTHS.every((length) => {
    const counter = length * 2 ** 33 + length;
    const text = Uint8Array.from({ length }, (_, index) => (index * 151 + length) & 0xff);
    const wanted = NOBLE_CRYPTO.aeadSeal(key, counter, text, NO_BYTES);
    bytes.fill(0xa5, area, area + 3 * PROBE_ROOM);
    bytes.set(text, from);
    aead.seal(slot, counter, from, length, sealed);
    const end = sealed + length + PACKET_TAG_BYTES;
    const sealedRight = same(bytes, sealed, wanted) && isFilled(bytes, sealed - PACKET_LEAD_BYTES, sealed - 16);
    bytes.fill(0xa5, end, end + PACKET_TAIL_BYTES);
    const openedRight = aead.open(slot, counter, sealed, length, opened) && same(bytes, opened, text);
    const kept = same(bytes, sealed, wanted) && isFilled(bytes, end, end + PACKET_TAIL_BYTES);
    bytes[end - 1] = (bytes[end - 1] ?? 0) ^ 0x80;
    return sealedRight && openedRight && kept && !aead.open(slot, counter, sealed, length, opened);
  });
  aead.free(slot);
  bytes.fill(0, area, area + 3 * PROBE_ROOM);
  return fits;
}

function same(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return wanted.every((byte, index) => byte === bytes[at + index]);
}

function isFilled(bytes: Uint8Array, from: number, to: number): boolean {
  return bytes.subarray(from, to).every((byte) => byte === 0xa5);
}

/** The engine's own functions on arrays: slow, allocates, runs anywhere. */
export function createPortAead(arena: Arena, crypto: Crypto): PacketAead {
  const pairs = new Map<number, readonly [seal: Uint8Array, open: Uint8Array]>();
  let last = 0;
  const { bytes } = arena;
  return {
    name: crypto.name,
    load(sealingKey, openingKey) {
      last += 1;
      pairs.set(last, [sealingKey.slice(), openingKey.slice()]);
      return last;
    },
    free(slot) {
      for (const key of pairs.get(slot) ?? []) crypto.wipe(key);
      pairs.delete(slot);
    },
    seal(slot, counter, from, length, to) {
      const key = pairs.get(slot)?.[0] ?? NO_BYTES;
      bytes.set(crypto.aeadSeal(key, counter, bytes.subarray(from, from + length), NO_BYTES), to);
    },
    open(slot, counter, from, length, to) {
      const key = pairs.get(slot)?.[1] ?? NO_BYTES;
      const sealed = bytes.subarray(from, from + length + PACKET_TAG_BYTES);
      const text = crypto.aeadOpen(key, counter, sealed, NO_BYTES);
      if (text !== undefined) bytes.set(text, to);
      return text !== undefined;
    },
  };
}
