/**
 * Offsets of the message fields, paper sections 5.4.2 to 5.4.7. All numbers are little-endian words; the type word is
 * the first 4 bytes.
 */
export const INITIATION = {
  sender: 4,
  ephemeral: 8,
  static: 40,
  timestamp: 88,
  mac1: 116,
  mac2: 132,
  bytes: 148,
} as const;

export const RESPONSE = { sender: 4, receiver: 8, ephemeral: 12, empty: 44, mac1: 60, mac2: 76, bytes: 92 } as const;

export const COOKIE_REPLY = { receiver: 4, nonce: 8, cookie: 32, bytes: 64 } as const;

/** The 32-bit word at `offset`. */
export function readWord(message: Uint8Array, offset: number): number {
  return new DataView(message.buffer, message.byteOffset, message.length).getUint32(offset, true);
}

/** Writes a 32-bit word at `offset`. */
export function writeWord(message: Uint8Array, offset: number, word: number): void {
  new DataView(message.buffer, message.byteOffset, message.length).setUint32(offset, word, true);
}
