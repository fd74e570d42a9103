import { randomFillSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  AEAD_MAKERS,
  agreesWithNoble,
  choosePacketAead,
  createPortAead,
} from "../../../src/dataplane/crypto/choose-packet-aead.ts";
import { chooseCrypto, firstDisagreement, opensslCrypto } from "../../../src/dataplane/crypto/openssl-crypto.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { createArena } from "../../../src/native/memory/arena.ffi.ts";
import { openEvpCrypto } from "../../../src/native/openssl/evp-crypto.ffi.ts";
import { createAsmAead, createEvpAead, type PacketAead } from "../../../src/native/openssl/packet-aead.ffi.ts";

const fill = (into: Uint8Array) => {
  randomFillSync(into);
};

describe("the cryptography of handshakes", () => {
  it("is OpenSSL's, which agrees with @noble on every operation", () => {
    const { crypto, fallbackReason } = chooseCrypto(fill);
    expect(fallbackReason).toBeUndefined();
    expect(crypto.name).toBe("openssl");
    expect(firstDisagreement(crypto, NOBLE_CRYPTO, fill)).toBeUndefined();
  });

  it("exchanges keys as @noble does, and so do the known answers of its self-test", () => {
    const { crypto } = chooseCrypto(fill);
    for (let round = 0; round < 20; round += 1) {
      const [ours, theirs] = [new Uint8Array(32), new Uint8Array(32)];
      fill(ours);
      fill(theirs);
      expect(crypto.publicKey(ours)).toEqual(NOBLE_CRYPTO.publicKey(ours));
      expect(crypto.dh(ours, theirs)).toEqual(NOBLE_CRYPTO.dh(ours, theirs));
    }
    expect(firstDisagreement(NOBLE_CRYPTO, crypto, fill)).toBeUndefined();
  });

  it("hashes parts of any length as @noble does", () => {
    const { crypto } = chooseCrypto(fill);
    for (const lengths of [[], [0], [2048], [2049], [1, 2047, 1], [5000, 3, 9000]]) {
      const parts = lengths.map((length) => new Uint8Array(length).fill(length & 0xff));
      expect(crypto.hash(...parts)).toEqual(NOBLE_CRYPTO.hash(...parts));
    }
  });

  it("is @noble's, with the reason, where OpenSSL is missing", () => {
    const chosen = chooseCrypto(fill, () => {
      throw new Error("no such symbol");
    });
    expect(chosen).toEqual({ crypto: NOBLE_CRYPTO, fallbackReason: "no such symbol" });
  });

  it.each(["seal", "hash", "mac16", "keystream", "dh", "publicKey"] as const)(
    "is @noble's where OpenSSL's %s is wrong in one bit",
    (name) => {
      const good = openEvpCrypto();
      const lying = {
        ...good,
        [name]: (...values: Uint8Array[]) => {
          const out = (good[name] as (...values: unknown[]) => Uint8Array)(...values);
          if (out.length > 0) out[0] = (out[0] as number) ^ 1;
          return out;
        },
      };
      const { crypto, fallbackReason } = chooseCrypto(fill, () => lying);
      expect(crypto).toBe(NOBLE_CRYPTO);
      expect(fallbackReason).toMatch(/^OpenSSL failed its self-test: .+ differs$/);
    },
  );

  it("is @noble's where OpenSSL would take any tag", () => {
    const good = openEvpCrypto();
    const careless = opensslCrypto({
      ...good,
      open: (key, nonce, sealed, ad) => good.open(key, nonce, sealed, ad) ?? new Uint8Array(sealed.length - 16),
    });
    expect(firstDisagreement(careless, NOBLE_CRYPTO, fill)).toBe("refusing a wrong tag");
  });
});

describe("the cipher of packets", () => {
  const arena = createArena(16 * 1024 * 1024);

  it.each([
    ["OpenSSL's assembler", createAsmAead],
    ["OpenSSL's functions", createEvpAead],
    ["the engine's port", (area: typeof arena) => createPortAead(area, NOBLE_CRYPTO)],
  ])("by %s seals and opens as @noble, and touches nothing else", (_name, make) => {
    const made = make(arena);
    expect(made).toBeDefined();
    expect(agreesWithNoble(made as PacketAead, arena)).toBe(true);
  });

  it("passes over one that is wrong, and one that is not there", () => {
    const wrong = (area: typeof arena): PacketAead => ({ ...createEvpAead(area), name: "wrong", seal: () => {} });
    expect(choosePacketAead(arena, NOBLE_CRYPTO, [wrong, () => undefined, createEvpAead]).name).toBe("openssl evp");
    expect(choosePacketAead(arena, NOBLE_CRYPTO, [wrong]).name).toBe("noble");
    const careless = (area: typeof arena): PacketAead => {
      const good = createEvpAead(area);
      return { ...good, open: (...values) => good.open(...values) || true };
    };
    expect(choosePacketAead(arena, NOBLE_CRYPTO, [careless]).name).toBe("noble");
    expect(AEAD_MAKERS).toHaveLength(2);
  });

  it("gives keys back their room, zeroed", () => {
    const own = createArena(4 * 1024 * 1024);
    const aead = createAsmAead(own);
    const key = Uint8Array.from({ length: 32 }, () => 0x5c);
    const slot = aead?.load(key, key) ?? 0;
    expect(Buffer.from(own.bytes).includes(Buffer.from(key))).toBe(true);
    aead?.free(slot);
    expect(Buffer.from(own.bytes).includes(Buffer.from(key))).toBe(false);
    expect(aead?.load(key, key)).toBe(slot);
  });
});
